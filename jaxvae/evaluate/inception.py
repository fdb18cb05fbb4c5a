"""The Inception v3 network of 2015-12-05, whose pooled features define FID and KID.

It maps images [n, 299, 299, 3] in [-1, 1), 8-bit values scaled by (x - 128) / 128, to features [n, 2048]. Unlike other
networks of that name, its average pools do not count the padding, the last block uses max pooling, and normalisation
has no gain. Normalisation is folded into kernels and biases.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from jaxvae.xla import take_rows

SIZE = 299
"""Height and width of the images."""

FEATURES = 2048
"""Length of a feature vector."""

_SMALL = 17
"""Image height up to which patches and a matrix product are faster than XLA's CPU convolution, in float32."""

_FEW = 32
"""Channels up to which XLA's CPU convolution in float32 is faster than patches and a product in bfloat16."""

_NHWC = ("NHWC", "HWIO", "NHWC")
_Images: TypeAlias = Float[Array, "n _ _ _"]
_Conv: TypeAlias = Callable[..., _Images]
_Pair: TypeAlias = tuple[int, int]


class InceptionV3(nn.Module):
    """The network up to its last pool, with 94 convolutions named conv_00 to conv_93 in the order of the graph.

    Attributes:
        dtype: what images, kernels and the results of convolutions are rounded to; biases and the last pool are
            float32. With float32 no product is rounded, even on platforms that round by default.
    """

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: Float[Array, "n 299 299 3"]) -> Float[Array, "n 2048"]:
        """Computes features.

        Args:
            images: in [-1, 1).

        Returns:
            Features in float32, at least 0.
        """
        numbers = itertools.count()

        def conv(
            x: _Images, features: int, kernel: int | _Pair = 1, stride: int = 1, padding: str = "SAME"
        ) -> _Images:
            size = (kernel, kernel) if isinstance(kernel, int) else kernel
            return _Convolution(
                features, size, stride, padding, self.dtype, name=f"conv_{next(numbers):02d}"
            )(x)

        x = images.astype(self.dtype)
        x = conv(x, 32, 3, stride=2, padding="VALID")
        x = conv(x, 32, 3, padding="VALID")
        x = conv(x, 64, 3)
        x = _shrink(x)
        x = conv(x, 80)
        x = conv(x, 192, 3, padding="VALID")
        x = _shrink(x)
        for pooled in (32, 64, 64):
            x = _mixed_35(conv, x, pooled)
        x = _reduce_35(conv, x)
        for width in (128, 160, 160, 192):
            x = _mixed_17(conv, x, width)
        x = _reduce_17(conv, x)
        x = _mixed_8(conv, x, _average)
        x = _mixed_8(conv, x, _maximum)
        return jnp.mean(x.astype(jnp.float32), axis=(1, 2))


class _Convolution(nn.Module):
    """Convolution, bias, ReLU."""

    features: int
    kernel_size: _Pair
    stride: int
    padding: str
    dtype: Any

    @nn.compact
    def __call__(self, x: _Images) -> _Images:
        shape = (*self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        y = _convolve(x, kernel.astype(self.dtype), self.stride, self.padding)
        return jax.nn.relu(y.astype(jnp.float32) + bias[None, None, None]).astype(self.dtype)


def _convolve(
    x: _Images, kernel: Float[Array, "_ _ _ _"], stride: int, padding: str
) -> Float[Array, "n _ _ _"]:
    """Convolution that accumulates in float32, by the fastest method on the platform."""
    if kernel.shape[:2] == (1, 1):
        return _product(x, kernel[0, 0])
    # On CPU, XLA's own convolutions are slow with strides, and in float32 on small images.
    dense = kernel.shape[2] > _FEW if x.dtype == jnp.bfloat16 else x.shape[1] <= _SMALL
    by_product = dense or stride > 1
    on_cpu, native = (
        partial(way, stride=stride, padding=padding)
        for way in (_by_patches if by_product else _padded, _native)
    )
    return lax.platform_dependent(x, kernel, cpu=on_cpu, default=native)


def _native(x: _Images, kernel: Array, *, stride: int, padding: str | tuple) -> Float[Array, "n _ _ _"]:
    y = lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=_NHWC, precision=_precision(x)
    )
    return y.astype(jnp.float32)


def _padded(x: _Images, kernel: Array, *, stride: int, padding: str) -> Float[Array, "n _ _ _"]:
    """Same as `_native`; XLA:CPU takes up to three times as long without padding, and longer in bfloat16."""
    x, kernel = x.astype(jnp.float32), kernel.astype(jnp.float32)
    if padding == "SAME":
        return _native(x, kernel, stride=stride, padding=padding)
    return _native(x, kernel, stride=stride, padding=((0, stride), (0, stride)))[:, :-1, :-1]


def _by_patches(x: _Images, kernel: Array, *, stride: int, padding: str) -> Float[Array, "n _ _ _"]:
    """The patches under the kernel, one per row, times the kernel as a matrix."""
    kh, kw, _, features = kernel.shape
    if padding == "SAME":
        x = jnp.pad(x, ((0, 0), (kh // 2, kh // 2), (kw // 2, kw // 2), (0, 0)))
    n, h, w, _ = x.shape
    rows = np.arange(0, h - kh + 1, stride)[:, None] + np.arange(kh)
    columns = np.arange(0, w - kw + 1, stride)[:, None] + np.arange(kw)
    pixels = rows[:, None, :, None] * w + columns[None, :, None, :]
    index = (np.arange(n)[:, None] * (h * w) + pixels.reshape(-1)).astype(np.int32).reshape(-1)
    patches = take_rows(lax.optimization_barrier(x), index).reshape(n, len(rows), len(columns), -1)
    return _product(lax.optimization_barrier(patches), kernel.reshape(-1, features))


def _product(x: _Images, matrix: Float[Array, "i o"]) -> Float[Array, "n _ _ o"]:
    return jnp.einsum("nhwi,io->nhwo", x, matrix, precision=_precision(x), preferred_element_type=jnp.float32)


def _precision(x: _Images) -> lax.Precision | None:
    return lax.Precision.HIGHEST if x.dtype == jnp.float32 else None


def _mixed_35(conv: _Conv, x: _Images, pooled: int) -> _Images:
    return _join(
        conv(x, 64),
        conv(conv(x, 48), 64, 5),
        conv(conv(conv(x, 64), 96, 3), 96, 3),
        conv(_average(x), pooled),
    )


def _reduce_35(conv: _Conv, x: _Images) -> _Images:
    return _join(
        conv(x, 384, 3, stride=2, padding="VALID"),
        conv(conv(conv(x, 64), 96, 3), 96, 3, stride=2, padding="VALID"),
        _shrink(x),
    )


def _mixed_17(conv: _Conv, x: _Images, width: int) -> _Images:
    wide, tall = (1, 7), (7, 1)
    one = conv(x, 192)
    two = conv(conv(conv(x, width), width, wide), 192, tall)
    three = conv(conv(conv(conv(conv(x, width), width, tall), width, wide), width, tall), 192, wide)
    return _join(one, two, three, conv(_average(x), 192))


def _reduce_17(conv: _Conv, x: _Images) -> _Images:
    left = conv(conv(x, 192), 320, 3, stride=2, padding="VALID")
    right = conv(conv(conv(x, 192), 192, (1, 7)), 192, (7, 1))
    return _join(left, conv(right, 192, 3, stride=2, padding="VALID"), _shrink(x))


def _mixed_8(conv: _Conv, x: _Images, pool: Callable[[_Images], _Images]) -> _Images:
    one = conv(x, 320)
    two = conv(x, 384)
    two_wide, two_tall = conv(two, 384, (1, 3)), conv(two, 384, (3, 1))
    three = conv(conv(x, 448), 384, 3)
    three_wide, three_tall = conv(three, 384, (1, 3)), conv(three, 384, (3, 1))
    return _join(one, two_wide, two_tall, three_wide, three_tall, conv(pool(x), 192))


def _join(*parts: _Images) -> _Images:
    return jnp.concatenate(parts, axis=-1)


def _shrink(x: _Images) -> _Images:
    return _windows(_windows(x, 1, jnp.maximum, stride=2), 2, jnp.maximum, stride=2)


def _maximum(x: _Images) -> _Images:
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))  # activations are not negative
    return _windows(_windows(x, 1, jnp.maximum), 2, jnp.maximum)


def _average(x: _Images) -> _Images:
    ones = (np.ones(n) for n in x.shape[1:3])
    rows, columns = (np.convolve(side, np.ones(3), "same").astype(np.float32) for side in ones)
    padded = jnp.pad(x.astype(jnp.float32), ((0, 0), (1, 1), (1, 1), (0, 0)))
    total = _windows(_windows(padded, 1, jnp.add), 2, jnp.add)
    return (total / np.outer(rows, columns)[None, :, :, None]).astype(x.dtype)


def _windows(
    x: _Images, axis: int, combine: Callable[[Array, Array], Array], *, stride: int = 1
) -> Float[Array, "n _ _ _"]:
    """Combines three neighbours along an axis, by slices, since XLA:CPU computes windows one by one."""
    last = x.shape[axis] - 2
    one, two, three = (lax.slice_in_dim(x, start, start + last, stride, axis) for start in range(3))
    return combine(combine(one, two), three)
