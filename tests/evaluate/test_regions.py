import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.evaluate import central_disc, mse, regional_mse, regional_sharpness, sharpness

IMAGES = np.random.default_rng(0).random((4, 24, 30, 3), np.float32)


def test_the_disc_is_a_third_of_the_side_wide_in_radius():
    disc = central_disc(90, 90)
    assert disc.mean() == pytest.approx(np.pi / 9, abs=0.005)
    assert disc[45].sum() == 60
    np.testing.assert_array_equal(disc, disc.T)
    assert not disc[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_an_error_counts_where_it_is():
    disc = central_disc(24, 30)
    other = np.where(disc[None, :, :, None], IMAGES, 1 - IMAGES)
    centre, border = regional_mse(jnp.asarray(other), jnp.asarray(IMAGES))
    np.testing.assert_array_equal(centre, 0)
    np.testing.assert_allclose(border, np.square(1 - 2 * IMAGES)[:, ~disc].mean(axis=(1, 2)), rtol=1e-5)
    whole = centre * disc.mean() + border * (1 - disc.mean())
    np.testing.assert_allclose(whole, mse(jnp.asarray(other), jnp.asarray(IMAGES)), rtol=1e-5)


def test_sharpness_by_region_is_the_variance_of_the_laplacian_there():
    x, disc = IMAGES.astype(np.float64), central_disc(24, 30)[1:-1, 1:-1]
    laplacian = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:] - 4 * x[:, 1:-1, 1:-1]
    for actual, region in zip(regional_sharpness(jnp.asarray(IMAGES)), (disc, ~disc), strict=True):
        np.testing.assert_allclose(actual, laplacian[:, region].var(axis=1).mean(axis=-1), rtol=1e-4)


def test_a_blurred_border_leaves_the_centre_sharp():
    images = IMAGES.copy()
    images[:, :, :3] = images[:, :, -3:] = 0.5
    (centre, border), (before, around) = (regional_sharpness(jnp.asarray(x)) for x in (images, IMAGES))
    np.testing.assert_allclose(centre, before, rtol=1e-6)
    assert (border < around).all()
    assert (sharpness(jnp.asarray(images)) < sharpness(jnp.asarray(IMAGES))).all()


def test_images_without_a_border_are_refused():
    with pytest.raises(ValueError, match="3 x 3 pixels or more, got 2 x 9"):
        central_disc(2, 9)
    with pytest.raises(ValueError, match="needs 5 x 5 pixels"):
        regional_sharpness(jnp.zeros((1, 4, 9, 1)))
