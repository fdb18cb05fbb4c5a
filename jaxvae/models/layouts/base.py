"""The two layouts behind one interface."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
from jax import lax
from jaxtyping import Array, Float

from jaxvae.models.layouts import chwn
from jaxvae.models.layouts.geometry import Padding, Pair
from jaxvae.models.layouts.patches import COMPILER_OPTIONS


@dataclass(frozen=True)
class Layout:
    """Where the axes of an image tensor lie inside a network, and how it is convolved there.

    Attributes:
        name: what the user calls it.
        order: position of the (n, h, w, c) axes: `x_nhwc.transpose(order)` is in this layout.
        channel_axis: the channels' axis.
        conv: `(x, kernel, stride, padding) -> y`, kernel HWIO.
        conv_transpose: `(x, kernel, stride, padding, size) -> y`, where `padding` is that of the convolution
            it mirrors and `size` the height and width of y.
        compiler_options: what `jax.jit` should be given for programs in this layout.
    """

    name: str
    order: tuple[int, int, int, int]
    channel_axis: int
    conv: Callable[[Array, Array, Pair, Padding], Array]
    conv_transpose: Callable[[Array, Array, Pair, Padding, Pair], Array]
    compiler_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def enter(self, x: Float[Array, "n h w c"]) -> Float[Array, "_ _ _ _"]:
        """Brings images into this layout.

        Args:
            x: [n, h, w, c].

        Returns:
            The same with the axes of this layout.
        """
        return x.transpose(self.order)

    def leave(self, x: Float[Array, "_ _ _ _"]) -> Float[Array, "n h w c"]:
        """Brings images of this layout back to NHWC.

        Args:
            x: images in this layout.

        Returns:
            [n, h, w, c].
        """
        inverse = [self.order.index(a) for a in range(4)]
        return x.transpose(inverse)

    def size(self, x: Float[Array, "_ _ _ _"]) -> Pair:
        """Height and width of images.

        Args:
            x: images in this layout.

        Returns:
            (height, width) in pixels.
        """
        return x.shape[self.order.index(1)], x.shape[self.order.index(2)]


_NHWC = ("NHWC", "HWIO", "NHWC")


def _native_conv(x: Array, kernel: Array, stride: Pair, padding: Padding) -> Array:
    return lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=_NHWC)


def _native_conv_transpose(x: Array, kernel: Array, stride: Pair, padding: Padding, size: Pair) -> Array:
    around = []
    for n, out, k, s, (low, _) in zip(x.shape[1:3], size, kernel.shape[:2], stride, padding, strict=True):
        before = k - 1 - low
        around.append((before, out + k - 1 - before - ((n - 1) * s + 1)))
    return lax.conv_general_dilated(x, kernel, (1, 1), around, lhs_dilation=stride, dimension_numbers=_NHWC)


LAYOUTS = {
    "native": Layout("native", (0, 1, 2, 3), 3, _native_conv, _native_conv_transpose),
    "chwn": Layout("chwn", (3, 1, 2, 0), 0, chwn.conv, chwn.conv_transpose, COMPILER_OPTIONS),
}
"""By name. "native": NHWC and XLA's convolutions; "chwn": batch innermost and matrix products."""


def layout(name: str | None = None) -> Layout:
    """Finds a layout.

    Args:
        name: "native" or "chwn"; None chooses by platform, "chwn" on CPU and "native" elsewhere.

    Returns:
        The layout.

    Raises:
        ValueError: unknown name.
    """
    name = name or ("chwn" if jax.default_backend() == "cpu" else "native")
    if name not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {name!r}.")
    return LAYOUTS[name]
