import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jaxvae.evaluate import (
    colour_error,
    colour_evaluator,
    colour_histogram,
    colour_histogram_distance,
    colour_shift,
)
from jaxvae.types import Output

KEY = jax.random.key(0)


@pytest.fixture
def pictures(rng):
    return rng.integers(0, 256, (12, 5, 7, 3), np.uint8)


def flat(*colours):
    """A picture of each colour."""
    return np.broadcast_to(np.array(colours, np.uint8)[:, None, None], (len(colours), 4, 4, 3))


def test_error_is_the_difference_of_mean_colours(images):
    other = images[::-1].copy()
    expected = np.abs(images.astype(np.float64).mean((1, 2)) - other.mean((1, 2))).mean(-1)
    np.testing.assert_allclose(colour_error(jnp.asarray(images), jnp.asarray(other)), expected, atol=1e-6)
    shuffled = np.random.default_rng(1).permutation(images.reshape(21, -1, 2), axis=1).reshape(images.shape)
    np.testing.assert_allclose(colour_error(jnp.asarray(images), jnp.asarray(shuffled)), 0, atol=1e-6)


def test_evaluator_of_a_ragged_set_equals_the_whole(images, cut):
    def forward(key, variables, batch):
        return Output(logits=variables["gain"] * batch.image, posteriors=(), latents=())

    actual = colour_evaluator(forward)(KEY, {"gain": jnp.float32(3)}, cut(images, 8))
    reconstructed = scipy.special.expit(3 * images.astype(np.float64))
    expected = np.abs(reconstructed.mean((1, 2)) - images.mean((1, 2))).mean()
    assert actual.keys() == {"colour_error"}
    np.testing.assert_allclose(actual["colour_error"], expected, rtol=1e-5)


def test_shift_is_that_of_the_whole_sets(pictures):
    other = pictures[:5] // 2
    expected = np.abs(pictures.mean((0, 1, 2)) - other.mean((0, 1, 2))).mean() / 255
    assert colour_shift(pictures, other) == pytest.approx(expected)
    assert colour_shift(np.float32(pictures / 255), other) == pytest.approx(expected, abs=1e-6)
    assert colour_shift(pictures, pictures[::-1]) == pytest.approx(0, abs=1e-12)


def test_histogram_counts_the_cells_of_every_pixel(pictures):
    steps = np.float64(pictures).reshape(-1, 3)
    expected, _ = np.histogramdd(steps, bins=[np.arange(0, 257, 32)] * 3)
    np.testing.assert_allclose(colour_histogram(pictures), expected.ravel() / len(steps))
    grey = pictures[..., :1]
    expected, _ = np.histogram(grey, np.arange(0, 257, 32))
    np.testing.assert_allclose(colour_histogram(grey), expected / grey.size)


def test_histogram_of_floats_is_that_of_the_same_bytes():
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    as_floats = np.float32(every) / np.float32(255)
    np.testing.assert_array_equal(colour_histogram(as_floats), colour_histogram(every))
    np.testing.assert_array_equal(colour_histogram(jnp.asarray(as_floats)), colour_histogram(every))


def test_many_pictures_are_counted_in_pieces():
    many = np.arange(2100, dtype=np.uint32).astype(np.uint8).reshape(2100, 1, 1, 1)
    expected, _ = np.histogram(many, np.arange(0, 257, 32))
    np.testing.assert_allclose(colour_histogram(many), expected / 2100)
    assert colour_shift(many, many[:7]) == pytest.approx((many.mean() - many[:7].mean()) / 255)


def test_histogram_distance_is_the_share_of_pixels_that_differ():
    red, green, blue = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    assert colour_histogram_distance(flat(red), flat(green)) == 1
    assert colour_histogram_distance(flat(red, green), flat(green, red)) == 0
    assert colour_histogram_distance(flat(red, green, blue, blue), flat(red, green)) == 0.5


def test_sepia_is_far_in_the_histogram_of_colours_that_it_leaves_in_the_mean():
    red, cyan, brown = (200, 40, 40), (40, 200, 200), (120, 120, 120)
    assert colour_shift(flat(red, cyan), flat(brown)) == pytest.approx(0, abs=1e-12)
    assert colour_histogram_distance(flat(red, cyan), flat(brown)) == 1


def test_what_cannot_be_compared_is_refused(pictures):
    for measure in (colour_shift, colour_histogram_distance):
        with pytest.raises(ValueError, match="images of 3 and 1 channels"):
            measure(pictures, pictures[..., :1])
        with pytest.raises(ValueError, match="at least 1 image, got none"):
            measure(pictures, pictures[:0])
        with pytest.raises(ValueError, match=r"float in \[0, 1\], got float32 from 0 to 255"):
            measure(np.float32(flat((0, 100, 255))), pictures)
