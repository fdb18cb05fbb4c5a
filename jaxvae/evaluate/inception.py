"""The Inception v3 network of 2015-12-05, whose pooled features FID and KID are defined by.

It takes images [n, 299, 299, 3] in [-1, 1), 8-bit values scaled by (x - 128) / 128, and gives [n, 2048]. It differs
from the networks of the same name elsewhere in what this file fixes: average pools do not count their padding, the
last block pools by maximum, and normalisation has no gain. Normalisation is folded into kernels and biases.
"""

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

SIZE = 299
"""Height and width of the images."""

FEATURES = 2048
"""Length of a feature vector."""

_NHWC = ("NHWC", "HWIO", "NHWC")
_Images: TypeAlias = Float[Array, "n _ _ _"]
_Conv: TypeAlias = Callable[..., _Images]
_Pair: TypeAlias = tuple[int, int]


class InceptionV3(nn.Module):
    """The network up to its last pool. Its 94 convolutions are named conv_00 to conv_93 in the order of the graph.

    Attributes:
        dtype: what images, kernels and the results of convolutions are rounded to; biases and the last pool stay
            float32. With float32 itself no product is rounded, not even where the platform would do so by default.
    """

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: Float[Array, "n 299 299 3"]) -> Float[Array, "n 2048"]:
        """Computes features.

        Args:
            images: in [-1, 1).

        Returns:
            Features in float32, not negative.
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


def _convolve(x: _Images, kernel: Float[Array, "_ _ _ _"], stride: int, padding: str) -> _Images:
    precision = lax.Precision.HIGHEST if x.dtype == jnp.float32 else None
    if kernel.shape[:2] == (1, 1):
        return jnp.einsum("nhwi,io->nhwo", x, kernel[0, 0], precision=precision)

    def native(x: _Images, kernel: Array, padding: Any = padding) -> _Images:
        return lax.conv_general_dilated(
            x, kernel, (stride, stride), padding, dimension_numbers=_NHWC, precision=precision
        )

    def wider(x: _Images, kernel: Array) -> _Images:
        return native(x, kernel, ((0, stride), (0, stride)))[:, :-1, :-1]

    # XLA:CPU takes up to three times as long where nothing is padded.
    return lax.platform_dependent(x, kernel, cpu=wider if padding == "VALID" else native, default=native)


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
    return nn.max_pool(x, (3, 3), strides=(2, 2))


def _maximum(x: _Images) -> _Images:
    return nn.max_pool(x, (3, 3), strides=(1, 1), padding="SAME")


def _average(x: _Images) -> _Images:
    ones = (np.ones(n) for n in x.shape[1:3])
    rows, columns = (np.convolve(side, np.ones(3), "same").astype(np.float32) for side in ones)
    total = nn.pooling.pool(x.astype(jnp.float32), 0.0, lax.add, (3, 3), (1, 1), "SAME")
    return (total / np.outer(rows, columns)[None, :, :, None]).astype(x.dtype)
