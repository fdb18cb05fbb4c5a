import dm_pix
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.special

from jaxvae.evaluate import mse, reconstruction_evaluator, sample_evaluator, sharpness
from jaxvae.types import Output

KEY = jax.random.key(0)


def laplacian_variance(image):
    """SciPy's Laplacian away from the border, where it needs no padding."""
    channels = np.moveaxis(image.astype(np.float64), -1, 0)
    return np.mean([scipy.ndimage.laplace(channel)[1:-1, 1:-1].var() for channel in channels])


def scaled_logits(key, variables, batch):
    return Output(logits=variables["gain"] * (batch.image - 0.5), posteriors=(), latents=())


def test_mse_is_the_mean_over_pixels_and_channels(images):
    other = images[::-1].copy()
    expected = np.square(images.astype(np.float64) - other).mean((1, 2, 3))
    np.testing.assert_allclose(mse(jnp.asarray(images), jnp.asarray(other)), expected, rtol=1e-5)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_sharpness_is_the_variance_of_scipys_laplacian(wrap, images):
    expected = [laplacian_variance(image) for image in images]
    np.testing.assert_allclose(wrap(sharpness)(jnp.asarray(images)), expected, rtol=1e-5)


def test_sharpness_of_a_checkerboard_in_closed_form():
    rows, columns = np.indices((6, 6))
    board = jnp.asarray((rows + columns) % 2, jnp.float32)[None, :, :, None]
    np.testing.assert_allclose(sharpness(board), [16.0], rtol=1e-6)


def test_sharpness_of_a_ramp_is_zero():
    ramp = jnp.broadcast_to(jnp.arange(8, dtype=jnp.float32)[:, None, None] / 8, (2, 8, 5, 1))
    np.testing.assert_allclose(sharpness(ramp), 0, atol=1e-12)


def test_blur_lowers_sharpness(images):
    blurred = scipy.ndimage.gaussian_filter(images, (0, 0.5, 0.5, 0))
    assert np.all(sharpness(jnp.asarray(blurred)) < sharpness(jnp.asarray(images)))


def test_sharpness_refuses_images_smaller_than_the_stencil():
    with pytest.raises(ValueError, match=r"3 x 3 pixels, got \[1, 2, 9, 1\]"):
        sharpness(jnp.zeros((1, 2, 9, 1)))


def test_reconstruction_of_a_ragged_set_equals_the_whole(images, cut):
    actual = reconstruction_evaluator(scaled_logits)(KEY, {"gain": jnp.float32(3)}, cut(images, 8))
    logits = 3 * (images.astype(np.float64) - 0.5)
    mean = scipy.special.expit(logits)
    log_likelihood = scipy.special.xlogy(images, mean) + scipy.special.xlogy(1 - images, 1 - mean)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        ssim = dm_pix.ssim(jnp.asarray(mean, jnp.float32), jnp.asarray(images))
    np.testing.assert_allclose(actual["bce"], -log_likelihood.sum((1, 2, 3)).mean(), rtol=1e-5)
    np.testing.assert_allclose(actual["mse"], np.square(mean - images).mean(), rtol=1e-5)
    np.testing.assert_allclose(actual["ssim"], np.asarray(ssim).mean(), rtol=1e-5)
    assert actual.keys() == {"bce", "mse", "ssim"}


def test_reconstruction_compiles_once_for_every_replica_and_epoch(images, cut):
    traces = []

    def forward(key, variables, batch):
        traces.append(None)
        return scaled_logits(key, variables, batch)

    evaluator = reconstruction_evaluator(forward)
    for replica in range(3):
        evaluator(jax.random.key(replica), {"gain": jnp.float32(replica)}, cut(images, 8))
    assert len(traces) == 1


def test_samples_are_as_many_and_as_sharp_as_the_data_they_repeat(images, cut):
    stored = jnp.asarray(images[:8])

    def sample(key, variables, n):
        return variables["gain"] * stored[:n]

    actual = sample_evaluator(sample)(KEY, {"gain": jnp.float32(0.5)}, cut(images, 8))
    each = np.array([laplacian_variance(image) for image in images])
    drawn = 0.25 * np.concatenate([each[:8], each[:8], each[:5]]).mean()
    expected = {
        "sharpness_samples": drawn,
        "sharpness_data": each.mean(),
        "sharpness_ratio": drawn / each.mean(),
    }
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=1e-5)


def test_sharpness_ratio_of_flat_data_is_nan(cut):
    flat = cut(np.zeros((4, 5, 5, 1), np.float32), 4)
    actual = sample_evaluator(lambda key, variables, n: jax.random.uniform(key, (n, 5, 5, 1)))(KEY, {}, flat)
    assert np.isnan(actual["sharpness_ratio"])
    assert actual["sharpness_samples"] > 0
