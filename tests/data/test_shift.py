import jax
import jax.numpy as jnp
import numpy as np

from jaxvae.data import shift

KEY = jax.random.key(0)
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(size=(200, 5, 7, 2)), jnp.float32)
INDEX = jnp.arange(200)


def test_every_image_is_moved_by_as_much_as_is_allowed_and_mirrored_at_its_edges():
    moved = np.asarray(jax.jit(lambda key: shift(key, IMAGES, INDEX, pixels=2))(KEY))
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    places = set()
    for image, wide in zip(moved, padded, strict=True):
        fits = [
            (y, x) for y in range(5) for x in range(5) if np.array_equal(image, wide[y : y + 5, x : x + 7])
        ]
        assert len(fits) == 1
        places.update(fits)
    assert len(places) == 25


def test_the_draw_belongs_to_the_position_in_the_batch():
    whole = shift(KEY, IMAGES, INDEX)
    np.testing.assert_array_equal(shift(KEY, IMAGES[50:90], INDEX[50:90]), whole[50:90])
    assert np.any(shift(jax.random.key(1), IMAGES, INDEX) != whole)


def test_no_pixels_leave_images_alone():
    np.testing.assert_array_equal(shift(KEY, IMAGES, INDEX, pixels=0), IMAGES)
