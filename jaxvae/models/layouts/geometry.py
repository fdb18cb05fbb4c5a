"""Sizes and paddings of convolutions, in pixels, as (height, width) pairs."""

from collections.abc import Sequence
from typing import TypeAlias

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = tuple[Pair, Pair]
"""((top, bottom), (left, right))."""


def conv_padding(size: Pair, kernel: Pair, stride: Pair, padding: str | Sequence[Pair]) -> Padding:
    """Resolves a padding to pixels.

    Args:
        size: height and width of the convolution's input.
        kernel: kernel height and width.
        stride: vertical and horizontal stride.
        padding: "SAME" (output is the input size over the stride, rounded up), "VALID" (none), or the pixels
            themselves.

    Returns:
        ((top, bottom), (left, right)).

    Raises:
        ValueError: `padding` is none of these.
    """
    if padding == "VALID":
        return (0, 0), (0, 0)
    if padding == "SAME":
        total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
        (a, b) = ((t // 2, t - t // 2) for t in total)
        return a, b
    if isinstance(padding, str) or len(padding) != 2:
        raise ValueError(
            f"padding must be 'SAME', 'VALID' or ((top, bottom), (left, right)), got {padding!r}."
        )
    (top, bottom), (left, right) = padding
    return (top, bottom), (left, right)


def conv_size(size: Pair, kernel: Pair, stride: Pair, padding: Padding) -> Pair:
    """Height and width that a convolution gives.

    Args:
        size: height and width of its input.
        kernel: kernel height and width.
        stride: vertical and horizontal stride.
        padding: pixels added on each side.

    Returns:
        Output height and width.

    Raises:
        ValueError: the padded input is smaller than the kernel.
    """
    h, w = (
        (n + low + high - k) // s + 1
        for n, k, s, (low, high) in zip(size, kernel, stride, padding, strict=True)
    )
    if h < 1 or w < 1:
        raise ValueError(
            f"an image of {size[0]}x{size[1]} pixels is too small for a {kernel[0]}x{kernel[1]} kernel."
        )
    return h, w
