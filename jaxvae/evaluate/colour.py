"""Differences in colour between the data and reconstructions or samples.

Images are [n, height, width, channels], float in [0, 1]; functions that compare sets of images also take uint8.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, UInt8

from jaxvae.evaluate.inception_features import Images, check_images
from jaxvae.evaluate.mean import Evaluator, Forward, mean_evaluator
from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images
from jaxvae.types import Batch, Variables

BINS = 8
"""Number of cells of a histogram along each channel."""

_Others = Float[Array | np.ndarray, "m _ _ _"] | UInt8[Array | np.ndarray, "m _ _ _"]
_PIECE = 1000


@in_float32
def colour_error(a: Float[Array, "n h w c"], b: Float[Array, "n h w c"]) -> Float[Array, " n"]:
    """Difference between the mean colours of two images, whatever their content.

    Args:
        a: [n, h, w, c] in [0, 1].
        b: the same.

    Returns:
        [n], intensities, 0 to 1: absolute differences of the means over pixels, averaged over channels.

    Raises:
        ValueError: a and b are not floating-point images, or differ in shape.
    """
    check_float_images("colour_error", a=a, b=b)
    return jnp.mean(jnp.abs(jnp.mean(a, axis=(1, 2)) - jnp.mean(b, axis=(1, 2))), axis=-1)


def colour_evaluator(forward: Forward) -> Evaluator:
    """Builds an evaluator that compares the mean colour of reconstructions, sigmoid(logits), with the images'.

    Args:
        forward: `(key, variables, batch) -> Output`.

    Returns:
        An evaluator that returns `colour_error` (see the function of that name).
    """

    def statistics(key: Key[Array, ""], variables: Variables, batch: Batch) -> dict[str, Float[Array, " n"]]:
        image = jax.nn.sigmoid(forward(key, variables, batch).logits)
        return {"colour_error": colour_error(image, batch.image)}

    return mean_evaluator(statistics)


def colour_shift(a: Images, b: _Others) -> float:
    """Difference between the mean colours of two sets of images, such as samples and data.

    It is large for a set with an overall tint, such as sepia, however diverse its images are.

    Args:
        a: uint8 in [0, 255] or float in [0, 1], with one channel or three.
        b: the same, with as many channels.

    Returns:
        Intensity, 0 to 1: absolute differences of the means over all pixels, averaged over channels.

    Raises:
        ValueError: no images, images out of range, or different numbers of channels.
    """
    _check_channels(a, b)
    return float(np.abs(_mean_colour(a) - _mean_colour(b)).mean())


def colour_histogram(images: Images) -> Float[np.ndarray, " cells"]:
    """Share of the pixels of each colour, with 8 steps per channel.

    Args:
        images: uint8 in [0, 255] or float in [0, 1], with one channel or three.

    Returns:
        [8 ** channels], sums to 1. A colour's cell is the number whose digits in base 8 are the steps of its channels.

    Raises:
        ValueError: no images, images out of range, or a number of channels other than 1 and 3.
    """
    check_images(images)
    channels = images.shape[-1]
    counts = np.zeros(BINS**channels, np.int64)
    place = BINS ** np.arange(channels - 1, -1, -1)
    for start in range(0, len(images), _PIECE):
        piece = np.asarray(images[start : start + _PIECE]).reshape(-1, channels)
        steps = piece.astype(np.int64) * BINS // 256 if piece.dtype == np.uint8 else np.int64(piece * BINS)
        counts += np.bincount(steps.clip(0, BINS - 1) @ place, minlength=len(counts))
    return counts / counts.sum()


def colour_histogram_distance(a: Images, b: _Others) -> float:
    """Share of pixels that would have to change colour for both sets to have the same colour histogram.

    This is 1 minus the intersection of the histograms, and their total variation distance.

    Args:
        a: uint8 in [0, 255] or float in [0, 1], with one channel or three.
        b: the same, with as many channels.

    Returns:
        From 0 for equal histograms to 1 for no colour in common.

    Raises:
        ValueError: no images, images out of range, or different numbers of channels.

    References:
        Swain & Ballard, Color Indexing, International Journal of Computer Vision 7, 1991, section 3.1.
    """
    _check_channels(a, b)
    return float(1 - np.minimum(colour_histogram(a), colour_histogram(b)).sum())


def _mean_colour(images: Images | _Others) -> np.ndarray:
    check_images(images)
    starts = range(0, len(images), _PIECE)
    sums = [np.asarray(images[i : i + _PIECE]).sum((0, 1, 2), np.float64) for i in starts]
    return np.sum(sums, axis=0) / np.prod(images.shape[:3]) / (255 if images.dtype == np.uint8 else 1)


def _check_channels(a: Images, b: _Others) -> None:
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"colours are compared channel by channel, got images of {a.shape[-1]} and {b.shape[-1]} channels."
        )
