"""Resizes images for the Inception network, by the two methods that are used for published FIDs.

Both are separable and linear, hence two small matrix products. Images are [n, height, width, channels].
"""

import functools
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxvae.losses._floats import in_float32

BLACK, WHITE = 0.0, 255.0


@in_float32
def resize_bilinear(images: Float[Array, "n h w c"], size: int) -> Float[Array, "n size size c"]:
    """Bilinear interpolation between pixel centres, without antialiasing, as in pytorch-fid.

    Equals `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`.

    Args:
        images: any height and width.
        size: height and width of the result.

    Returns:
        Images in the range of the originals.
    """
    return _resize(images, size, _bilinear)


@in_float32
def resize_clean(images: Float[Array, "n h w c"], size: int) -> Float[Array, "n size size c"]:
    """Antialiased bicubic interpolation, as in clean-fid: that of Pillow on float channels, without rounding.

    Args:
        images: any height and width, in [0, 255].
        size: height and width of the result.

    Returns:
        Images clipped to [0, 255].

    References:
        Parmar et al., On aliased resizing and surprising subtleties in GAN evaluation, CVPR 2022, section 3.
    """
    return jnp.clip(_resize(images, size, _bicubic), BLACK, WHITE)


RESIZES: dict[str, Callable[[Float[Array, "n h w c"], int], Float[Array, "n size size c"]]] = {
    "bilinear": resize_bilinear,
    "clean": resize_clean,
}
"""Methods by name."""


def _resize(images: Array, size: int, weights: Callable[[int, int], np.ndarray]) -> Array:
    rows, columns = (jnp.asarray(weights(n, size), jnp.float32) for n in images.shape[1:3])
    exact = lax.Precision.HIGHEST
    wide = jnp.einsum("nhwc,pw->nhpc", images, columns, precision=exact)
    return jnp.einsum("nhpc,oh->nopc", wide, rows, precision=exact)


@functools.cache
def _bilinear(old: int, new: int) -> np.ndarray:
    """Weights [new, old] of old pixels for each new one, from positions in float32 as in PyTorch."""
    middles = np.arange(new, dtype=np.float32) + np.float32(0.5)
    positions = np.maximum(middles * np.float32(old / new) - np.float32(0.5), np.float32(0))
    left = np.minimum(np.floor(positions).astype(int), old - 1)
    share = positions - left
    weights = np.zeros((new, old))
    np.add.at(weights, (np.arange(new), left), 1 - share)
    np.add.at(weights, (np.arange(new), np.minimum(left + 1, old - 1)), share)
    return weights


@functools.cache
def _bicubic(old: int, new: int) -> np.ndarray:
    """Weights [new, old] of Keys' cubic (a = -1/2), widened for shrinking, cut off at the border and normalised."""
    step = old / new
    widening = max(step, 1.0)
    centres = (np.arange(new) + 0.5) * step
    pixels = np.arange(old)
    first = np.maximum((centres - 2 * widening + 0.5).astype(int), 0)
    last = np.minimum((centres + 2 * widening + 0.5).astype(int), old)
    within = (pixels >= first[:, None]) & (pixels < last[:, None])
    weights = np.where(within, _cubic((pixels - centres[:, None] + 0.5) / widening), 0)
    return weights / weights.sum(1, keepdims=True)


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))
