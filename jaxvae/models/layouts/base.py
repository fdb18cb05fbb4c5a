"""The two layouts behind one interface."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout as MemoryLayout
from jax.experimental.layout import with_layout_constraint
from jaxtyping import Array, Float

from jaxvae.models.layouts import chwn, native
from jaxvae.models.layouts.geometry import Padding, Pair
from jaxvae.models.layouts.products import Rounding, dense
from jaxvae.xla import COMPILER_OPTIONS


def _transposed(x: Float[Array, "_ _ _ _"], order: Sequence[int]) -> Float[Array, "_ _ _ _"]:
    """A transpose that is carried out once; XLA would otherwise fuse it into every operation that reads it."""
    if list(order) == [0, 1, 2, 3]:
        return x
    return jax.jit(lambda x: with_layout_constraint(x, MemoryLayout((0, 1, 2, 3))))(x.transpose(order))


PRECISIONS: Mapping[str, Rounding] = {"float32": None, "bfloat16": jnp.bfloat16}
"""Type to which the operands of products are rounded, by name; None leaves them."""


@dataclass(frozen=True)
class Layout:
    """Where the axes of an image tensor lie inside a network, and how products are computed there.

    Attributes:
        name: key in `LAYOUTS`.
        order: permutation of the (n, h, w, c) axes: `x_nhwc.transpose(order)` is in this layout.
        channel_axis: the channels' axis.
        operations: the module that computes in this layout.
        precision: "float32", or "bfloat16" to round the operands of every product; sums, statistics and
            parameters stay float32. XLA's own convolutions in "native" also round what they return.
        remat: whether encoders, decoders and discriminators compute their activations again in the backward pass, to
            use less memory.
        compiler_options: options for `jax.jit` that make programs in this layout fast.
    """

    name: str
    order: tuple[int, int, int, int]
    channel_axis: int
    operations: ModuleType
    precision: str = "float32"
    remat: bool = False
    compiler_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __reduce__(self) -> tuple[Any, ...]:
        make = partial(layout, self.name, precision=self.precision, remat=self.remat)
        return make, ()  # a module cannot be pickled

    def conv(
        self, x: Float[Array, "_ _ _ _"], kernel: Float[Array, "kh kw i o"], stride: Pair, padding: Padding
    ) -> Float[Array, "_ _ _ _"]:
        """Convolution (in the field's sense: correlation), differentiable in reverse.

        In "chwn" once, in "native" any number of times.

        Args:
            x: images in this layout.
            kernel: HWIO.
            stride: vertical and horizontal stride.
            padding: zeros added on each side.

        Returns:
            Images in this layout, equal to what `lax.conv_general_dilated` gives.
        """
        return self.operations.conv(x, kernel, stride, padding, PRECISIONS[self.precision])

    def conv_transpose(
        self,
        x: Float[Array, "_ _ _ _"],
        kernel: Float[Array, "kh kw i o"],
        stride: Pair,
        padding: Padding,
        size: Pair,
    ) -> Float[Array, "_ _ _ _"]:
        """Transposed convolution, differentiable in reverse as `conv` is.

        Args:
            x: images in this layout.
            kernel: HWIO, not flipped: the convention of `lax.conv_transpose` and Flax.
            stride: vertical and horizontal stride.
            padding: zeros that the mirrored convolution adds on each side of its input.
            size: height and width of the result, one of those that the mirrored convolution maps to the size of x.

        Returns:
            Images in this layout, equal to what `lax.conv_general_dilated` gives with x dilated by the stride.
        """
        return self.operations.conv_transpose(x, kernel, stride, padding, size, PRECISIONS[self.precision])

    def flat_dense(self, x: Float[Array, "_ _ _ _"], kernel: Float[Array, "i o"]) -> Float[Array, "n o"]:
        """Flattens images in (h, w, c) order and multiplies by a matrix, differentiable once in reverse.

        Args:
            x: images in this layout.
            kernel: [h * w * c, o].

        Returns:
            [n, o].
        """
        return self.operations.flat_dense(x, kernel, PRECISIONS[self.precision])

    def dense(self, x: Float[Array, "n i"], kernel: Float[Array, "i o"]) -> Float[Array, "n o"]:
        """Multiplies vectors by a matrix, differentiable once in reverse.

        Args:
            x: vectors.
            kernel: (in, out).

        Returns:
            [n, o].
        """
        return dense(x, kernel, PRECISIONS[self.precision])

    def enter(self, x: Float[Array, "n h w c"]) -> Float[Array, "_ _ _ _"]:
        """Brings images into this layout.

        Args:
            x: [n, h, w, c].

        Returns:
            The same with the axes of this layout.
        """
        return _transposed(x, self.order)

    def leave(self, x: Float[Array, "_ _ _ _"]) -> Float[Array, "n h w c"]:
        """Brings images of this layout back to NHWC.

        Args:
            x: images in this layout.

        Returns:
            [n, h, w, c].
        """
        inverse = [self.order.index(a) for a in range(4)]
        return _transposed(x, inverse)

    def size(self, x: Float[Array, "_ _ _ _"]) -> Pair:
        """Height and width of images.

        Args:
            x: images in this layout.

        Returns:
            (height, width) in pixels.
        """
        return x.shape[self.order.index(1)], x.shape[self.order.index(2)]


LAYOUTS = {
    "native": Layout("native", (0, 1, 2, 3), 3, native),
    "chwn": Layout("chwn", (3, 1, 2, 0), 0, chwn, compiler_options=COMPILER_OPTIONS),
}
"""By name. "native": NHWC and XLA's convolutions; "chwn": batch innermost and matrix products."""


def layout(
    name: str | None = None,
    *,
    precision: str = "float32",
    platform: str | None = None,
    remat: bool = False,
) -> Layout:
    """Looks up a layout.

    Args:
        name: "native" or "chwn"; None chooses by platform, "chwn" on CPU and "native" elsewhere.
        precision: "float32" or "bfloat16", of the operands of products.
        platform: "cpu", "gpu" or "tpu"; JAX's default one if not given.
        remat: as of `Layout`.

    Returns:
        The layout.

    Raises:
        ValueError: unknown name or precision.
    """
    name = name or ("chwn" if (platform or jax.default_backend()) == "cpu" else "native")
    if name not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {name!r}.")
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}.")
    return replace(LAYOUTS[name], precision=precision, remat=remat)
