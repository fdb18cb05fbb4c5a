"""Convolutions on (n, height, width, channels) as XLA's own.

Value, gradient of the image and gradient of the kernel are the three products that libraries have kernels for: a
convolution, its "backward input" and its "backward filter". A transposed convolution is the backward input of the
convolution that it mirrors, so that none of its products goes over images full of zeros. The gradients of each of the
three are the other two, so that gradients of any order are made of these products too.

Mapped over replicas, GPUs compute a product for each: as one with groups, it would be none of the library's three
kernels, take three times the operations, and be computed whole by every device. TPUs compute one with groups, which
moves fewer bytes there.

Where operands are rounded (to `rounding`), tensor cores and matrix units accumulate in float32 and round once at the
end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float

from jaxvae.models.layouts.geometry import Padding, Pair
from jaxvae.models.layouts.products import Rounding, dense, rounded


@dataclass(frozen=True)
class _Convolution:
    """A convolution of images x with a kernel k, to y, as the trilinear form <y, x * k>.

    Attributes:
        stride: vertical and horizontal stride.
        padding: zeros added to x on each side.
        size: height and width of x.
        window: height and width of k.
        rounding: type to which operands are rounded.
    """

    stride: Pair
    padding: Padding
    size: Pair
    window: Pair
    rounding: Rounding

    def plain(self, x: Array, k: Array) -> Array:
        """The convolution of operands of one type, linear in each."""
        return lax.conv_general_dilated(
            x, k, self.stride, self.padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )


_Product: TypeAlias = Callable[[Array, Array, _Convolution], Array]

_UNROLLED = 16
"""Replicas up to which each has operations of its own in a GPU's program; more take turns in a loop."""


def _by_replica(product: _Product) -> _Product:
    """The product, with a rule of its own for `jax.vmap`."""

    @cache
    def mapped(of: _Convolution) -> Callable[[Array, Array], Array]:
        @custom_vmap
        def one(a: Array, b: Array) -> Array:
            return product(a, b, of)

        @one.def_vmap
        def _(size: int, which: list[bool], a: Array, b: Array) -> tuple[Array, bool]:
            def replica(number: int | Array) -> Array:
                return one(*(each[number] if has else each for each, has in zip((a, b), which, strict=True)))

            def in_turn(*_: Array) -> Array:
                if size > _UNROLLED:
                    return lax.map(replica, jnp.arange(size))
                return jnp.stack([replica(number) for number in range(size)])

            together = jax.vmap(lambda a, b: product(a, b, of), [0 if has else None for has in which])
            return lax.platform_dependent(a, b, cuda=in_turn, rocm=in_turn, default=together), True

        return one

    return lambda a, b, of: mapped(of)(a, b)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
@_by_replica
def _forward(x: Array, k: Array, of: _Convolution) -> Array:
    """Y of x and k."""
    return of.plain(rounded(x, of.rounding), rounded(k, of.rounding)).astype(x.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
@_by_replica
def _backward_input(y: Array, k: Array, of: _Convolution) -> Array:
    """The image that y and k stand for: the gradient of <y, x * k> with respect to x."""
    narrow, kernel = rounded(y, of.rounding), rounded(k, of.rounding)
    shape = jax.ShapeDtypeStruct((len(y), *of.size, k.shape[2]), narrow.dtype)
    (x,) = jax.linear_transpose(lambda x: of.plain(x, kernel), shape)(narrow)
    return x.astype(y.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
@_by_replica
def _backward_filter(x: Array, y: Array, of: _Convolution) -> Array:
    """The gradient of <y, x * k> with respect to k."""
    narrow, image = rounded(y, of.rounding), rounded(x, of.rounding)
    shape = jax.ShapeDtypeStruct((*of.window, x.shape[-1], y.shape[-1]), narrow.dtype)
    (k,) = jax.linear_transpose(lambda k: of.plain(image, k), shape)(narrow)
    return k.astype(x.dtype)


_forward.defvjp(
    lambda x, k, of: (_forward(x, k, of), (x, k)),
    lambda of, xk, y: (_backward_input(y, xk[1], of), _backward_filter(xk[0], y, of)),
)
_backward_input.defvjp(
    lambda y, k, of: (_backward_input(y, k, of), (y, k)),
    lambda of, yk, x: (_forward(x, yk[1], of), _backward_filter(x, yk[0], of)),
)
_backward_filter.defvjp(
    lambda x, y, of: (_backward_filter(x, y, of), (x, y)),
    lambda of, xy, k: (_backward_input(xy[1], k, of), _forward(xy[0], k, of)),
)


def _symmetric(padding: Padding) -> tuple[Padding, Padding]:
    """Splits a padding in one that is the same on opposite sides and the rest.

    The library takes the former only. Where XLA has to split it, it makes gradients with more operations of it.
    """
    (top, bottom), (left, right) = padding
    v, h = min(top, bottom), min(left, right)
    return ((v, v), (h, h)), ((top - v, bottom - v), (left - h, right - h))


def _window(kernel: Float[Array, "kh kw i o"]) -> Pair:
    return kernel.shape[0], kernel.shape[1]


def conv(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "kh kw i o"],
    stride: Pair,
    padding: Padding,
    rounding: Rounding,
) -> Float[Array, "n h2 w2 o"]:
    """`Layout.conv` on these axes."""
    same, rest = _symmetric(padding)
    x = jnp.pad(x, ((0, 0), *rest, (0, 0))) if any(map(any, rest)) else x
    return _forward(
        x, kernel, _Convolution(stride, same, (x.shape[1], x.shape[2]), _window(kernel), rounding)
    )


def conv_transpose(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "kh kw i o"],
    stride: Pair,
    padding: Padding,
    size: Pair,
    rounding: Rounding,
) -> Float[Array, "n h2 w2 o"]:
    """`Layout.conv_transpose` on these axes."""
    same, ((top, bottom), (left, right)) = _symmetric(padding)
    padded = size[0] + top + bottom, size[1] + left + right
    mirrored = kernel[::-1, ::-1].swapaxes(2, 3)
    y = _backward_input(x, mirrored, _Convolution(stride, same, padded, _window(kernel), rounding))
    return y[:, top : top + size[0], left : left + size[1]]


def flat_dense(
    x: Float[Array, "n h w c"], kernel: Float[Array, "i o"], rounding: Rounding
) -> Float[Array, "n o"]:
    """`Layout.flat_dense` on these axes."""
    return dense(x.reshape(len(x), -1), kernel, rounding)
