"""Convolutions on (n, height, width, channels) as XLA's own.

Where operands are rounded (to `rounding`), tensor cores and matrix units accumulate in float32 and round once at the
end.
"""

from jax import lax
from jaxtyping import Array, Float

from jaxvae.models.layouts.geometry import Padding, Pair
from jaxvae.models.layouts.products import Rounding, dense, rounded

_NHWC = ("NHWC", "HWIO", "NHWC")


def conv(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "kh kw i o"],
    stride: Pair,
    padding: Padding,
    rounding: Rounding,
) -> Float[Array, "n h2 w2 o"]:
    """`Layout.conv` on these axes."""
    y = lax.conv_general_dilated(
        rounded(x, rounding), rounded(kernel, rounding), stride, padding, dimension_numbers=_NHWC
    )
    return y.astype(x.dtype)


def conv_transpose(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "kh kw i o"],
    stride: Pair,
    padding: Padding,
    size: Pair,
    rounding: Rounding,
) -> Float[Array, "n h2 w2 o"]:
    """`Layout.conv_transpose` on these axes."""
    around = []
    for n, out, k, s, (low, _) in zip(x.shape[1:3], size, kernel.shape[:2], stride, padding, strict=True):
        before = k - 1 - low
        around.append((before, out + k - 1 - before - ((n - 1) * s + 1)))
    y = lax.conv_general_dilated(
        rounded(x, rounding),
        rounded(kernel, rounding),
        (1, 1),
        around,
        lhs_dilation=stride,
        dimension_numbers=_NHWC,
    )
    return y.astype(x.dtype)


def flat_dense(
    x: Float[Array, "n h w c"], kernel: Float[Array, "i o"], rounding: Rounding
) -> Float[Array, "n o"]:
    """`Layout.flat_dense` on these axes."""
    return dense(x.reshape(len(x), -1), kernel, rounding)
