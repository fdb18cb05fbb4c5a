"""Patches of a batch-innermost image tensor as one matrix, and the adjoint.

Images are (channels, height, width, n). Both directions are gathers of whole rows (all n examples of one
pixel) with constant indices, which XLA:CPU executes at memory speed.
"""

from functools import cache

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxvae.models.layouts.geometry import Padding, Pair, conv_size
from jaxvae.xla import take_rows


@cache
def _patch_indices(size: Pair, kernel: Pair, stride: Pair) -> np.ndarray:
    """Pixel numbers of every (tap row, tap column, patch row, patch column), flattened."""
    (height, width), (kh, kw), (sh, sw) = size, kernel, stride
    rows = np.arange(kh)[:, None] + sh * np.arange((height - kh) // sh + 1)
    columns = np.arange(kw)[:, None] + sw * np.arange((width - kw) // sw + 1)
    return (rows[:, None, :, None] * width + columns[None, :, None, :]).astype(np.int32).reshape(-1)


@cache
def _fold_indices(size: Pair, patches: Pair, kernel: Pair, stride: Pair, low: Pair) -> np.ndarray:
    """For every pixel the numbers of the (tap, patch) pairs that touch it, one row for each possible pair."""

    def touching(n: int, count: int, k: int, s: int, pad: int) -> tuple[np.ndarray, np.ndarray]:
        position = np.arange(n) + pad
        tap = position % s + s * np.arange(-(-k // s))[:, None]
        patch = (position - tap) // s
        return np.where((tap < k) & (patch >= 0) & (patch < count), tap, -1), patch

    (tap_h, patch_h), (tap_w, patch_w) = (
        touching(*a) for a in zip(size, patches, kernel, stride, low, strict=True)
    )
    h, w = patches
    tap = tap_h[:, None, :, None] * kernel[1] + tap_w[None, :, None, :]
    index = (tap * h + patch_h[:, None, :, None]) * w + patch_w[None, :, None, :]
    outside = (tap_h[:, None, :, None] < 0) | (tap_w[None, :, None, :] < 0)
    index = np.where(outside, kernel[0] * kernel[1] * h * w, index)
    return index.astype(np.int32).reshape(-1, size[0] * size[1])


def _whole(size: Pair, kernel: Pair, padding: Padding) -> bool:
    """Whether the only patch is the image itself, so that no data have to move."""
    return tuple(size) == tuple(kernel) and not any(any(p) for p in padding)


def extract(
    x: Float[Array, "c h w n"], *, kernel: Pair, stride: Pair, padding: Padding
) -> tuple[Float[Array, "taps patches"], Pair]:
    """Puts the patches under a kernel side by side (im2col).

    Args:
        x: images, batch innermost.
        kernel: kernel height and width.
        stride: vertical and horizontal stride.
        padding: zeros added on each side.

    Returns:
        The matrix [channels * kernel height * kernel width, patch rows * patch columns * n] and (patch rows,
        patch columns).
    """
    channels, *size, n = x.shape
    if _whole((size[0], size[1]), kernel, padding):
        return lax.optimization_barrier(x.reshape(-1, n)), (1, 1)
    rows, columns = conv_size((size[0], size[1]), kernel, stride, padding)
    if any(any(p) for p in padding):
        x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    padded = x.shape[1:3]
    x = lax.optimization_barrier(x)
    pixels = _patch_indices(padded, kernel, stride)
    index = (np.arange(channels, dtype=np.int32)[:, None] * (padded[0] * padded[1]) + pixels).reshape(-1)
    matrix = take_rows(x, index).reshape(channels * kernel[0] * kernel[1], rows * columns * n)
    return lax.optimization_barrier(matrix), (rows, columns)


def fold(
    matrix: Float[Array, "taps patches"],
    *,
    size: Pair,
    patches: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Padding,
) -> Float[Array, "c h w n"]:
    """Adds every patch to the pixels that it came from (col2im), the adjoint of `extract`.

    Args:
        matrix: [channels * kernel height * kernel width, patch rows * patch columns * n].
        size: height and width of the result.
        patches: patch rows and patch columns.
        kernel: kernel height and width.
        stride: vertical and horizontal stride.
        padding: zeros that `extract` added; they are cropped.

    Returns:
        Images, batch innermost.
    """
    taps = kernel[0] * kernel[1]
    channels = matrix.shape[0] // taps
    if _whole(size, kernel, padding):
        return lax.optimization_barrier(matrix.reshape(channels, *size, -1))
    rows = matrix.reshape(channels, taps * patches[0] * patches[1], -1)
    indices = _fold_indices(size, patches, kernel, stride, (padding[0][0], padding[1][0]))
    total = sum(jnp.take(rows, index, axis=1, mode="fill", fill_value=0) for index in indices[1:])
    total += jnp.take(rows, indices[0], axis=1, mode="fill", fill_value=0)
    return lax.optimization_barrier(total.reshape(channels, *size, -1))
