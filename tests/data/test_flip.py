import jax
import jax.numpy as jnp
import numpy as np

from jaxvae.data import flip_horizontally

KEY = jax.random.key(0)
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(size=(400, 3, 4, 2)), jnp.float32)
INDEX = jnp.arange(400)


def mirrored(images):
    """Whether each image is mirrored; fails if one is neither mirrored nor as it was."""
    same = np.all(images == IMAGES, axis=(1, 2, 3))
    turned = np.all(images == IMAGES[:, :, ::-1], axis=(1, 2, 3))
    assert np.all(same ^ turned)
    return turned


def test_half_of_the_images_are_mirrored_and_the_rest_left_alone():
    assert 160 < mirrored(flip_horizontally(KEY, IMAGES, INDEX)).sum() < 240


def test_other_keys_mirror_other_images():
    first, other = (mirrored(flip_horizontally(jax.random.key(s), IMAGES, INDEX)) for s in (0, 1))
    assert 0.35 < np.mean(first == other) < 0.65


def test_the_draw_belongs_to_the_position_in_the_batch():
    whole = flip_horizontally(KEY, IMAGES, INDEX)
    part = flip_horizontally(KEY, IMAGES[100:200], INDEX[100:200])
    np.testing.assert_array_equal(part, whole[100:200])


def test_it_compiles():
    np.testing.assert_array_equal(
        jax.jit(flip_horizontally)(KEY, IMAGES, INDEX), flip_horizontally(KEY, IMAGES, INDEX)
    )
