"""Stages that halve or double an image by convolutions without padding, in the variants that a report compares.

Inside a stage images are in a layout, as in `jaxvae.models.layers`. The stages of all variants have the same sizes,
so that they are interchangeable.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from jaxvae.models.layers import Conv, ConvTranspose, NormAct, max_pool
from jaxvae.models.layouts import Layout
from jaxvae.models.layouts.geometry import Pair, conv_size

RESAMPLINGS = ("stride", "pool")
"""Ways to halve and double: by the stride of the convolution, or by max pooling after it and nearest-neighbour
upsampling before it."""

SLOPE = 0.2
"""Slope of the leaky rectifiers below zero, as in DCGAN."""


def unpadded_sizes(size: Pair, kernel: int, stages: int) -> list[Pair]:
    """Sizes of an image after each of several convolutions of stride 2 without padding.

    Args:
        size: height and width of the image.
        kernel: height and width of the kernels.
        stages: number of convolutions.

    Returns:
        stages + 1 pairs (height, width), the size of the image first.

    Raises:
        ValueError: the image becomes smaller than the kernel.
    """
    sizes = [size]
    for _ in range(stages):
        sizes.append(conv_size(sizes[-1], (kernel, kernel), (2, 2), ((0, 0), (0, 0))))
    return sizes


def smallest_side(kernel: int, stages: int) -> int:
    """Side of the smallest image of which convolutions of stride 2 without padding leave a pixel.

    Args:
        kernel: height and width of the kernels.
        stages: number of convolutions.

    Returns:
        Height and width in pixels.
    """
    side = 1
    for _ in range(stages):
        side = 2 * (side - 1) + kernel
    return side


class Residual(nn.Module):
    """Residual block of two 3x3 convolutions: leaky_relu(x + norm(conv(norm_act(conv(x))))).

    Attributes:
        layout: of the images.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.

    References:
        He, Zhang, Ren & Sun, Deep Residual Learning for Image Recognition, CVPR 2016, figure 2.
    """

    layout: Layout
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "_ _ _ _"], train: bool) -> Float[Array, "_ _ _ _"]:
        """Maps images to images of the same size and as many channels."""
        h, axis = x, self.layout.channel_axis
        for slope in (SLOPE, 1.0):
            h = Conv(x.shape[axis], self.layout, (3, 3), (1, 1))(h)
            h = NormAct(axis, slope, self.axis_name)(h, train)
        return nn.leaky_relu(x + h, SLOPE)


class Down(nn.Module):
    """Convolution without padding, BatchNorm and LeakyReLU, to half the size.

    Attributes:
        features: output channels.
        layout: of the images.
        kernel: height and width of the kernel.
        resampling: one of `RESAMPLINGS`.
        residual: whether a `Residual` block follows.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
    """

    features: int
    layout: Layout
    kernel: int = 4
    resampling: str = "stride"
    residual: bool = False
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "_ _ _ _"], train: bool) -> Float[Array, "_ _ _ _"]:
        """Maps images of size n to floor((n - kernel) / 2) + 1."""
        step = 2 if self.resampling == "stride" else 1
        conv = Conv(self.features, self.layout, (self.kernel, self.kernel), (step, step), "VALID")
        h = NormAct(self.layout.channel_axis, SLOPE, self.axis_name)(conv(x), train)
        if self.resampling == "pool":
            h = max_pool(h, self.layout)
        return Residual(self.layout, self.axis_name)(h, train) if self.residual else h


class Enlarge(nn.Module):
    """Transposed convolution to about twice the size, whose mirror image is the convolution of a `Down`.

    Where the convolution ignores a last row or column, this one does not reach it. What other libraries call output
    padding puts zeros there, which become a grey rim in the layers above; here it is a copy of its neighbour.

    Attributes:
        features: output channels.
        size: height and width of the output, one of those that a `Down` maps to the input's.
        layout: of the images.
        kernel: height and width of the kernel.
        resampling: one of `RESAMPLINGS`.
        use_bias: whether a bias is added.
    """

    features: int
    size: Pair
    layout: Layout
    kernel: int = 4
    resampling: str = "stride"
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "_ _ _ _"]) -> Float[Array, "_ _ _ _"]:
        """Maps images to images."""
        step = 2 if self.resampling == "stride" else 1
        if self.resampling == "pool":
            x = nearest(x, [side - self.kernel + 1 for side in self.size], self.layout)
        kernel_size, whole = (self.kernel, self.kernel), self.layout.size(x)
        reached = (step * (whole[0] - 1) + self.kernel, step * (whole[1] - 1) + self.kernel)
        h = ConvTranspose(
            self.features, reached, self.layout, kernel_size, (step, step), "VALID", self.use_bias
        )(x)
        return extend(h, self.size, self.layout)


class Up(nn.Module):
    """`Enlarge`, BatchNorm and LeakyReLU.

    Attributes:
        features: output channels.
        size: height and width of the output, one of those that a `Down` maps to the input's.
        layout: of the images.
        kernel: height and width of the kernel.
        resampling: one of `RESAMPLINGS`.
        residual: whether a `Residual` block follows.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
    """

    features: int
    size: Pair
    layout: Layout
    kernel: int = 4
    resampling: str = "stride"
    residual: bool = False
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "_ _ _ _"], train: bool) -> Float[Array, "_ _ _ _"]:
        """Maps images to images."""
        h = Enlarge(self.features, self.size, self.layout, self.kernel, self.resampling)(x)
        h = NormAct(self.layout.channel_axis, SLOPE, self.axis_name)(h, train)
        return Residual(self.layout, self.axis_name)(h, train) if self.residual else h


def nearest(x: Float[Array, "_ _ _ _"], size: Sequence[int], layout: Layout) -> Float[Array, "_ _ _ _"]:
    """Nearest-neighbour upsampling by two, cropped at the bottom and on the right.

    Args:
        x: images in the layout.
        size: height and width of the result, at most twice those of x.
        layout: of the images.

    Returns:
        Images in the layout.
    """
    for axis, side in zip((layout.order.index(1), layout.order.index(2)), size, strict=True):
        x = lax.slice_in_dim(jnp.repeat(x, 2, axis=axis), 0, side, axis=axis)
    return x


def extend(x: Float[Array, "_ _ _ _"], size: Sequence[int], layout: Layout) -> Float[Array, "_ _ _ _"]:
    """Enlarges images by repeating the last row and the last column.

    Args:
        x: images in the layout.
        size: height and width of the result, at least those of x.
        layout: of the images.

    Returns:
        Images in the layout.
    """
    for axis, side in zip((layout.order.index(1), layout.order.index(2)), size, strict=True):
        missing = side - x.shape[axis]
        if missing:
            last = lax.slice_in_dim(x, x.shape[axis] - 1, x.shape[axis], axis=axis)
            x = jnp.concatenate([x, *[last] * missing], axis=axis)
    return x
