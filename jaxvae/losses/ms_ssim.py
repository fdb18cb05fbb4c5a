"""Structural similarity at several scales (MS-SSIM) of images, [n, height, width, channels] with values in [0, 1]."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images
from jaxvae.losses.ssim import WINDOW, blur
from jaxvae.types import Batch, Output, Term

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, the finest first, from the paper's experiments with human viewers."""

FLOOR = 0.05
"""Mean contrast term below which an exponential continues the definition."""

_C1, _C2 = 0.01**2, 0.03**2


@in_float32
def ms_ssim(a: Float[Array, "n h w c"], b: Float[Array, "n h w c"]) -> Float[Array, " n"]:
    """Multi-scale structural similarity of image pairs.

    Of the five scales those are used in which the window of 11 pixels fits (two at 32x32, four at 96x96), with
    exponents divided by their sum. From scale to scale images are averaged over 2x2 pixels, without the last row or
    column of odd sizes. Channels are treated as separate images and averaged.

    The definition raises mean contrast terms to fractional powers, which is NaN for negatively correlated images and
    has infinite gradients near zero. Here a term c below `FLOOR` is replaced by FLOOR exp((c - FLOOR) / FLOOR), which
    continues c smoothly, stays positive and grows with c, so that gradient descent can leave that range.

    Args:
        a: [n, h, w, c], values in [0, 1]; both sides at least 11 pixels.
        b: [n, h, w, c], the same.

    Returns:
        [n], no unit, in (0, 1]; 1 for identical images. Values and gradients are finite everywhere.

    Raises:
        ValueError: a and b are not floating-point images, differ in shape, or are smaller than the window of 11 pixels.

    References:
        Wang, Simoncelli & Bovik, Multiscale structural similarity for image quality assessment, Asilomar 2003,
        equation 7 and section 3.2.
        Snell et al., Learning to Generate Images with Perceptual Similarity Metrics, ICIP 2017.
    """
    check_float_images("ms_ssim", a=a, b=b)
    side = min(a.shape[1:3])
    if side < WINDOW:
        raise ValueError(
            f"MS-SSIM needs images of at least {WINDOW} x {WINDOW} pixels, got {a.shape[1]} x {a.shape[2]}; enlarge "
            "them or leave MS-SSIM out."
        )
    exponents = EXPONENTS[: int(math.log2(side / WINDOW)) + 1]
    logarithm = jnp.zeros((a.shape[0], a.shape[-1]))
    for scale, exponent in enumerate(exponents, start=1):
        contrast, whole = _similarities(a, b)
        last = scale == len(exponents)
        logarithm += exponent / sum(exponents) * _guarded_log(whole if last else contrast)
        if not last:
            a, b = _halved(a), _halved(b)
    return jnp.mean(jnp.exp(logarithm), axis=-1)


def ms_ssim_loss() -> Term:
    """Term: 1 - MS-SSIM between the mean image sigmoid(logits) and the image.

    Returns:
        Term with [n], no unit, in [0, 1). Likelihoods are sums over pixels, this is a mean: it needs large weights.

    Raises:
        ValueError: (when the term is evaluated) images smaller than 11 pixels, or unlike the logits in shape.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        return 1 - ms_ssim(jax.nn.sigmoid(output.logits), batch.image)

    return term


def _similarities(
    a: Float[Array, "n h w c"], b: Float[Array, "n h w c"]
) -> tuple[Float[Array, "n c"], Float[Array, "n c"]]:
    """Means over positions of contrast times structure, and of luminance times contrast times structure."""
    blurred = blur(jnp.concatenate([a, b, a * a, b * b, a * b], axis=-1))
    mean_a, mean_b, square_a, square_b, product = jnp.split(blurred, 5, axis=1)
    means, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    contrast = (2 * (product - means) + _C2) / (square_a + square_b - squares + _C2)
    luminance = (2 * means + _C1) / (squares + _C1)
    return jnp.mean(contrast, axis=(2, 3)), jnp.mean(luminance * contrast, axis=(2, 3))


def _guarded_log(value: Float[Array, "n c"]) -> Float[Array, "n c"]:
    return jnp.where(value > FLOOR, jnp.log(jnp.maximum(value, FLOOR)), math.log(FLOOR) + value / FLOOR - 1)


def _halved(images: Float[Array, "n h w c"]) -> Float[Array, "n h2 w2 c"]:
    """Averages over 2x2 pixels."""
    for axis in (1, 2):
        end = images.shape[axis] // 2 * 2
        even, odd = (jax.lax.slice_in_dim(images, start, end, 2, axis) for start in (0, 1))
        images = (even + odd) / 2
    return images
