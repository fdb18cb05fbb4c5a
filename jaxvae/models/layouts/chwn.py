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
    dx = _backward_input(g, kernel, stride, padding, shape.shape[1:], rounding)
    return dx, _backward_filter(columns, g, kernel, rounding)


def _backward_filter(columns: Array, y: Array, kernel: Array, rounding: Rounding) -> Array:
    """The gradient of the kernel, from the patches of the image and the gradient of what they became."""
    kh, kw, i, o = kernel.shape
    y2 = lax.optimization_barrier(rounded(y.reshape(o, -1), rounding))
    return _times_transposed(columns, y2, rounding).reshape(i, kh, kw, o).transpose(1, 2, 0, 3)


conv.defvjp(_conv_forward, _conv_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4, 5))
def _backward_input(
    y: Array, kernel: Array, stride: Pair, padding: Padding, size: Pair, rounding: Rounding
) -> Array:
    """The image that y and kernel stand for: the gradient of <y, conv(x, kernel)> with respect to x."""
    return _backward_input_forward(y, kernel, stride, padding, size, rounding)[0]


def _backward_input_forward(
    y: Array, kernel: Array, stride: Pair, padding: Padding, size: Pair, rounding: Rounding
) -> tuple[Array, tuple]:
    y2 = lax.optimization_barrier(rounded(y.reshape(y.shape[0], -1), rounding))
    x = patches.fold(
        product(_columns(kernel, (2, 0, 1, 3)), y2, (1, 0), rounding),
        size=size,
        patches=_middle(y),
        kernel=_first_two(kernel),
        stride=stride,
        padding=padding,
    )
    return x, (y, kernel)


def _backward_input_backward(
    stride: Pair, padding: Padding, size: Pair, rounding: Rounding, residuals: tuple, g: Array
) -> tuple[Array, Array]:
    del size
    y, kernel = residuals
    dy, (columns, *_) = _conv_forward(g, kernel, stride, padding, rounding)
    return dy, _backward_filter(columns, y, kernel, rounding)


_backward_input.defvjp(_backward_input_forward, _backward_input_backward)


def conv_transpose(
    x: Float[Array, "i h w n"],
    kernel: Float[Array, "kh kw i o"],
    stride: Pair,
    padding: Padding,
    size: Pair,
    rounding: Rounding,
) -> Float[Array, "o h2 w2 n"]:
    """`Layout.conv_transpose` on these axes."""
    mirrored = kernel[::-1, ::-1].swapaxes(2, 3)
    return _backward_input(x, mirrored, stride, padding, size, rounding)


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
