"""Convolutions on (channels, height, width, n) as matrix products over patches.

The three products of a train step (forward, kernel gradient, input gradient) then have operands that lie in
memory the way a matrix product wants them. Kernels are HWIO.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxvae.models.layouts import patches
from jaxvae.models.layouts.geometry import Padding, Pair


def _times_transposed(a: Array, b: Array) -> Array:
    """A @ B.T, the narrower of the two as the right operand, where XLA:CPU transposes."""
    if a.shape[0] < b.shape[0]:
        return lax.optimization_barrier(_times_transposed(b, a)).T
    return lax.dot_general(a, b, (((1,), (1,)), ((), ())))


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


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv(
    x: Float[Array, "i h w n"], kernel: Float[Array, "kh kw i o"], stride: Pair, padding: Padding
) -> Float[Array, "o h2 w2 n"]:
    """Convolution (in the field's sense: correlation), differentiable once in reverse.

    Args:
        x: images, batch innermost.
        kernel: HWIO.
        stride: vertical and horizontal stride.
        padding: zeros added on each side.

    Returns:
        Equal to `lax.conv_general_dilated` with dimension numbers CHWN, HWIO, CHWN.
    """
    return _conv_forward(x, kernel, stride, padding)[0]


def _conv_forward(x: Array, kernel: Array, stride: Pair, padding: Padding) -> tuple[Array, tuple]:
    columns, size = patches.extract(x, kernel=_first_two(kernel), stride=stride, padding=padding)
    y = _rows(kernel, (3, 2, 0, 1)) @ columns
    return y.reshape(-1, *size, x.shape[-1]), (columns, kernel, jnp.zeros((0, *x.shape[1:3])))


def _conv_backward(stride: Pair, padding: Padding, residuals: tuple, g: Array) -> tuple[Array, Array]:
    columns, kernel, shape = residuals
    kh, kw, i, o = kernel.shape
    g2 = g.reshape(o, -1)
    dx = patches.fold(
        _columns(kernel, (2, 0, 1, 3)) @ g2,
        size=shape.shape[1:],
        patches=_middle(g),
        kernel=(kh, kw),
        stride=stride,
        padding=padding,
    )
    return dx, _times_transposed(columns, g2).reshape(i, kh, kw, o).transpose(1, 2, 0, 3)


conv.defvjp(_conv_forward, _conv_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def conv_transpose(
    x: Float[Array, "i h w n"], kernel: Float[Array, "kh kw i o"], stride: Pair, padding: Padding, size: Pair
) -> Float[Array, "o h2 w2 n"]:
    """Transposed convolution, differentiable once in reverse.

    Args:
        x: images, batch innermost.
        kernel: HWIO, not flipped: the convention of `lax.conv_transpose` and Flax.
        stride: vertical and horizontal stride.
        padding: zeros that the convolution which this one mirrors adds on each side of its input.
        size: height and width of the result, one of those from which that convolution would give x's.

    Returns:
        Equal to `lax.conv_general_dilated` with x dilated by the stride.
    """
    return _conv_transpose_forward(x, kernel, stride, padding, size)[0]


def _conv_transpose_forward(
    x: Array, kernel: Array, stride: Pair, padding: Padding, size: Pair
) -> tuple[Array, tuple]:
    flipped = kernel[::-1, ::-1]
    x2 = lax.optimization_barrier(x.reshape(x.shape[0], -1))
    y = patches.fold(
        _columns(flipped, (3, 0, 1, 2)) @ x2,
        size=size,
        patches=_middle(x),
        kernel=_first_two(kernel),
        stride=stride,
        padding=padding,
    )
    return y, (x2, flipped)


def _conv_transpose_backward(
    stride: Pair, padding: Padding, size: Pair, residuals: tuple, g: Array
) -> tuple[Array, Array]:
    del size
    x2, flipped = residuals
    kh, kw, i, o = flipped.shape
    columns, patch_size = patches.extract(g, kernel=(kh, kw), stride=stride, padding=padding)
    dx = (_rows(flipped, (2, 3, 0, 1)) @ columns).reshape(i, *patch_size, g.shape[-1])
    dkernel = _times_transposed(columns, x2).reshape(o, kh, kw, i).transpose(1, 2, 3, 0)
    return dx, dkernel[::-1, ::-1]


conv_transpose.defvjp(_conv_transpose_forward, _conv_transpose_backward)
