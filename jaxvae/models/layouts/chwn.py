"""Convolutions on (channels, height, width, n) as matrix products over patches.

The three products of a train step (forward, kernel gradient, input gradient) then have operands that are contiguous
in memory as a matrix product needs them. Kernels are HWIO.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxvae.models.layouts import patches
from jaxvae.models.layouts.geometry import Padding, Pair
from jaxvae.models.layouts.products import Rounding, dense, product, rounded


def _times_transposed(a: Array, b: Array, rounding: Rounding) -> Array:
    """A @ B.T, the narrower of the two as the right operand, where XLA:CPU transposes."""
    if a.shape[0] < b.shape[0]:
        return lax.optimization_barrier(_times_transposed(b, a, rounding)).T
    return product(a, b, (1, 1), rounding)


def _rows(kernel: Array, order: tuple[int, int, int, int]) -> Array:
    """Kernel with axes in `order`, the last three flattened, laid out for a matrix product."""
    kernel = kernel.transpose(order)
    return lax.optimization_barrier(kernel.reshape(kernel.shape[0], -1))


def _columns(kernel: Array, order: tuple[int, int, int, int]) -> Array:
    """Kernel with axes in `order`, the first three flattened, laid out for a matrix product."""
    kernel = kernel.transpose(order)
    return lax.optimization_barrier(kernel.reshape(-1, kernel.shape[-1]))


def _middle(x: Array) -> Pair:
    return x.shape[1], x.shape[2]


def _first_two(kernel: Array) -> Pair:
    return kernel.shape[0], kernel.shape[1]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def conv(
    x: Float[Array, "i h w n"],
    kernel: Float[Array, "kh kw i o"],
    stride: Pair,
    padding: Padding,
    rounding: Rounding,
) -> Float[Array, "o h2 w2 n"]:
    """`Layout.conv` on these axes."""
    return _conv_forward(x, kernel, stride, padding, rounding)[0]


def _conv_forward(
    x: Array, kernel: Array, stride: Pair, padding: Padding, rounding: Rounding
) -> tuple[Array, tuple]:
    narrow = rounded(x, rounding)
    columns, size = patches.extract(narrow, kernel=_first_two(kernel), stride=stride, padding=padding)
    y = product(_rows(kernel, (3, 2, 0, 1)), columns, (1, 0), rounding)
    return y.reshape(-1, *size, x.shape[-1]), (columns, kernel, jnp.zeros((0, *x.shape[1:3])))


def _conv_backward(
    stride: Pair, padding: Padding, rounding: Rounding, residuals: tuple, g: Array
) -> tuple[Array, Array]:
    columns, kernel, shape = residuals
    kh, kw, i, o = kernel.shape
    g2 = lax.optimization_barrier(rounded(g.reshape(o, -1), rounding))
    dx = patches.fold(
        product(_columns(kernel, (2, 0, 1, 3)), g2, (1, 0), rounding),
        size=shape.shape[1:],
        patches=_middle(g),
        kernel=(kh, kw),
        stride=stride,
        padding=padding,
    )
    dkernel = _times_transposed(columns, g2, rounding)
    return dx, dkernel.reshape(i, kh, kw, o).transpose(1, 2, 0, 3)


conv.defvjp(_conv_forward, _conv_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4, 5))
def conv_transpose(
    x: Float[Array, "i h w n"],
    kernel: Float[Array, "kh kw i o"],
    stride: Pair,
    padding: Padding,
    size: Pair,
    rounding: Rounding,
) -> Float[Array, "o h2 w2 n"]:
    """`Layout.conv_transpose` on these axes."""
    return _conv_transpose_forward(x, kernel, stride, padding, size, rounding)[0]


def _conv_transpose_forward(
    x: Array, kernel: Array, stride: Pair, padding: Padding, size: Pair, rounding: Rounding
) -> tuple[Array, tuple]:
    flipped = kernel[::-1, ::-1]
    x2 = lax.optimization_barrier(rounded(x.reshape(x.shape[0], -1), rounding))
    y = patches.fold(
        product(_columns(flipped, (3, 0, 1, 2)), x2, (1, 0), rounding),
        size=size,
        patches=_middle(x),
        kernel=_first_two(kernel),
        stride=stride,
        padding=padding,
    )
    return y, (x2, flipped)


def _conv_transpose_backward(
    stride: Pair, padding: Padding, size: Pair, rounding: Rounding, residuals: tuple, g: Array
) -> tuple[Array, Array]:
    del size
    x2, flipped = residuals
    kh, kw, i, o = flipped.shape
    narrow = rounded(g, rounding)
    columns, patch_size = patches.extract(narrow, kernel=(kh, kw), stride=stride, padding=padding)
    dx = product(_rows(flipped, (2, 3, 0, 1)), columns, (1, 0), rounding)
    dkernel = _times_transposed(columns, x2, rounding).reshape(o, kh, kw, i).transpose(1, 2, 3, 0)
    return dx.reshape(i, *patch_size, g.shape[-1]), dkernel[::-1, ::-1]


conv_transpose.defvjp(_conv_transpose_forward, _conv_transpose_backward)


def flat_dense(
    x: Float[Array, "c h w n"], kernel: Float[Array, "i o"], rounding: Rounding
) -> Float[Array, "n o"]:
    """`Layout.flat_dense` on these axes.

    The pixels of the images are permuted to the order of the kernel's rows, or the other way round, whichever are fewer
    numbers.
    """
    if x.shape[-1] < kernel.shape[-1]:
        vectors = lax.optimization_barrier(x.transpose(3, 1, 2, 0).reshape(x.shape[-1], -1))
        return dense(vectors, kernel, rounding)
    return _flat_dense(x, kernel, rounding)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _flat_dense(x: Array, kernel: Array, rounding: Rounding) -> Array:
    return _flat_dense_forward(x, kernel, rounding)[0]


def _flat_dense_forward(x: Array, kernel: Array, rounding: Rounding) -> tuple[Array, tuple]:
    c, h, w, n = x.shape
    x2 = lax.optimization_barrier(rounded(x.reshape(-1, n), rounding))
    by_pixel = kernel.reshape(h, w, c, -1)
    y = product(_rows(by_pixel, (3, 2, 0, 1)), x2, (1, 0), rounding)
    return lax.optimization_barrier(y).T, (x2, by_pixel)


def _flat_dense_backward(rounding: Rounding, residuals: tuple, g: Array) -> tuple[Array, Array]:
    x2, by_pixel = residuals
    h, w, c, o = by_pixel.shape
    dx = product(_columns(by_pixel, (2, 0, 1, 3)), g, (1, 1), rounding)
    dkernel = product(x2, g, (1, 0), rounding).reshape(c, h, w, o)
    return dx.reshape(c, h, w, -1), dkernel.transpose(1, 2, 0, 3).reshape(-1, o)


_flat_dense.defvjp(_flat_dense_forward, _flat_dense_backward)
