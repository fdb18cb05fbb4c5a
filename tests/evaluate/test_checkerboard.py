import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from jaxvae.evaluate import checkerboard

wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])


def spectral_share(image, stride):
    """Power at the multiples of 1 / stride in both directions, as a share of all, by the Fourier transform."""
    rows, columns = (side // stride * stride for side in image.shape[:2])
    power = np.abs(np.fft.fft2(np.float64(image[:rows, :columns]), axes=(0, 1))) ** 2
    power[0, 0] = 0
    return power[:: rows // stride, :: columns // stride].sum() / power.sum()


@wraps
@pytest.mark.parametrize(("size", "channels"), [((12, 16), 3), ((13, 19), 1)])
def test_share_is_that_of_the_fourier_transform(wrap, size, channels):
    images = np.random.default_rng(0).random((4, *size, channels), np.float32)
    expected = [spectral_share(image, 2) for image in images]
    np.testing.assert_allclose(wrap(checkerboard)(jnp.asarray(images)), expected, rtol=1e-4)


@pytest.mark.parametrize("stride", [3, 4])
def test_share_at_other_strides_is_that_of_the_fourier_transform(stride):
    images = np.random.default_rng(0).random((2, 25, 26, 2), np.float32)
    expected = [spectral_share(image, stride) for image in images]
    np.testing.assert_allclose(checkerboard(jnp.asarray(images), stride=stride), expected, rtol=1e-4)


def board(size, stride=2):
    rows, columns = np.indices((size, size)) // (stride // 2)
    return jnp.asarray((rows + columns) % 2, jnp.float32)[None, :, :, None]


def test_a_pattern_alone_is_all_of_the_energy():
    np.testing.assert_allclose(checkerboard(board(8)), [1.0], rtol=1e-6)
    np.testing.assert_allclose(checkerboard(board(8, 4), stride=4), [1.0], rtol=1e-6)
    np.testing.assert_allclose(checkerboard(board(8, 4)), [0.0], atol=1e-6)


def test_uneven_overlap_shows_on_a_smooth_picture():
    noise = np.random.default_rng(0).normal(size=(4, 64, 64, 3))
    smooth = scipy.ndimage.gaussian_filter(noise, (0, 4, 4, 0), mode="wrap")
    smooth = np.float32(0.5 + 0.15 * smooth / smooth.std())
    overlap = np.float32([0.95, 1.05])[np.arange(64) % 2]
    marked = smooth * (overlap[:, None] * overlap)[..., None]
    assert np.all(checkerboard(jnp.asarray(smooth)) < 1e-3)
    assert np.all(checkerboard(jnp.asarray(marked)) > 0.02)


def test_a_constant_image_has_none():
    np.testing.assert_array_equal(checkerboard(jnp.full((2, 4, 4, 3), 0.7)), 0)


@pytest.mark.parametrize(("stride", "size"), [(1, 8), (0, 8), (2, 3), (4, 7)])
def test_what_cannot_repeat_is_refused(stride, size):
    with pytest.raises(ValueError, match=f"got stride {stride} and images of {size} x 9 pixels"):
        checkerboard(jnp.zeros((1, size, 9, 1)), stride=stride)
