"""Structural similarity (SSIM) of images, [n, height, width, channels] with values in [0, max_val].

dm-pix computes the index. Its 11 x 11 Gaussian window is applied here as two banded matrix products, one along each
side: same values and gradients, many times faster on a CPU.
"""

import dm_pix
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images
from jaxvae.types import Batch, Output, Term

WINDOW = 11
"""Height and width of the Gaussian window in pixels."""

_SIGMA = 1.5


@in_float32
def ssim(
    a: Float[Array, "n h w c"], b: Float[Array, "n h w c"], *, max_val: float = 1.0
) -> Float[Array, " n"]:
    """Mean structural similarity of image pairs, with value and gradient of `dm_pix.ssim`.

    Gradients are finite for constant and for identical images. Channels are treated as separate images and averaged.

    Args:
        a: [n, h, w, c], values in [0, max_val]; both sides at least 11 pixels.
        b: [n, h, w, c], the same.
        max_val: largest possible pixel value.

    Returns:
        [n], no unit, in [-1, 1]; 1 for identical images.

    Raises:
        ValueError: a and b are not floating-point images, differ in shape, or are smaller than the window of 11 pixels.

    References:
        Wang, Bovik, Sheikh and Simoncelli, Image quality assessment: from error visibility to structural
        similarity, IEEE Transactions on Image Processing 13(4), 2004, equation 13.
    """
    check_float_images("ssim", a=a, b=b)
    if min(a.shape[1:3]) < WINDOW:
        raise ValueError(
            f"SSIM needs images of at least {WINDOW} x {WINDOW} pixels, got {a.shape[1]} x {a.shape[2]}; "
            "enlarge them or leave SSIM out."
        )
    return dm_pix.ssim(a, b, max_val=max_val, filter_fn=blur)


def ssim_loss() -> Term:
    """Term: 1 - SSIM between the mean image sigmoid(logits) and the image.

    Returns:
        Term with [n], no unit, in [0, 2]. Likelihoods are sums over pixels, this is a mean: it needs large weights.

    Raises:
        ValueError: (when the term is evaluated) images smaller than 11 pixels, or unlike the logits in shape.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        return 1 - ssim(jax.nn.sigmoid(output.logits), batch.image)

    return term


def blur(images: Float[Array, "n h w c"]) -> Float[Array, "n c v u"]:
    """Gaussian averages at every position where the window fits.

    Args:
        images: [n, h, w, c], any values; both sides at least 11 pixels.

    Returns:
        [n, c, w - 10, h - 10], the order of axes that the products leave; callers average over the last two.
    """
    rows = jnp.moveaxis(images, -1, 1)
    columns = jnp.swapaxes(_product(rows, _band(rows.shape[-1])), -1, -2)
    return _product(columns, _band(columns.shape[-1]))


def _product(rows: Float[Array, "*shape size"], band: np.ndarray) -> Float[Array, "*shape out"]:
    # Variances are differences of blurred squares, which the default precision of GPU and TPU would ruin.
    return jnp.matmul(rows, jnp.asarray(band, rows.dtype), precision=jax.lax.Precision.HIGHEST)


def _band(size: int) -> np.ndarray:
    """[size, size - 10] matrix that applies the window at every position where it fits."""
    taps = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / _SIGMA) ** 2)
    offset = np.arange(size)[:, None] - np.arange(size - WINDOW + 1)
    inside = (offset >= 0) & (offset < WINDOW)
    return np.where(inside, (taps / taps.sum())[offset.clip(0, WINDOW - 1)], 0)
