"""The layers that networks are built of, as Flax modules.

Inside a network, image tensors are in the layout that is fastest on the platform (`jaxvae.models.layouts`); `enter`
and `leave` of a layout convert from and to NHWC. Parameters have Flax's names, shapes and conventions (kernel HWIO
or (in, out), bias, scale), whatever the layout.
"""

import math
from typing import Literal

import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from jaxvae.models.initialization import Initialization
from jaxvae.models.layouts import Layout
from jaxvae.models.layouts.geometry import Padding, Pair, conv_padding, conv_size
from jaxvae.models.layouts.norm import norm_act

EPSILON = 1e-5
"""Added to the variance in `NormAct`."""

MOMENTUM = 0.9
"""Share of the old value when `NormAct` updates its running statistics."""


class Conv(nn.Module):
    """Convolution, parameters as `flax.linen.Conv`.

    Attributes:
        features: output channels.
        layout: layout of input and output.
        kernel_size: kernel height and width.
        strides: vertical and horizontal stride.
        padding: "SAME", "VALID" or pixels ((top, bottom), (left, right)).
        use_bias: whether a bias is added; leave it out before `NormAct`.
        initialization: of kernel and bias; He's normal kernel and zero bias if not given.
    """

    features: int
    layout: Layout
    kernel_size: Pair = (4, 4)
    strides: Pair = (2, 2)
    padding: Literal["SAME", "VALID"] | Padding = "SAME"
    use_bias: bool = False
    initialization: Initialization | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "_ _ _ _"]) -> Float[Array, "_ _ _ _"]:
        """Maps images in the layout to images in the layout."""
        channels = x.shape[self.layout.channel_axis]
        fan_in = math.prod(self.kernel_size) * channels
        kernel = self.param(
            "kernel", _kernel_init(self, fan_in), (*self.kernel_size, channels, self.features)
        )
        padding = conv_padding(self.layout.size(x), self.kernel_size, self.strides, self.padding)
        y = self.layout.conv(x, kernel, self.strides, padding)
        return _add_bias(self, y, fan_in) if self.use_bias else y


class ConvTranspose(nn.Module):
    """Transposed convolution, parameters as `flax.linen.ConvTranspose`; restores the input size of a `Conv`.

    Attributes:
        features: output channels.
        size: height and width of the output: any that the mirrored convolution maps to the size of the input. It
            takes the place of what other libraries call output padding.
        layout: layout of input and output.
        kernel_size: kernel height and width.
        strides: vertical and horizontal stride.
        padding: padding of the convolution that this one mirrors.
        use_bias: whether a bias is added; leave it out before `NormAct`.
        initialization: of kernel and bias; He's normal kernel and zero bias if not given.
    """

    features: int
    size: Pair
    layout: Layout
    kernel_size: Pair = (4, 4)
    strides: Pair = (2, 2)
    padding: Literal["SAME", "VALID"] | Padding = "SAME"
    use_bias: bool = False
    initialization: Initialization | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "_ _ _ _"]) -> Float[Array, "_ _ _ _"]:
        """Maps images in the layout to images in the layout.

        Raises:
            ValueError: the mirrored convolution would not map `size` to x's size.
        """
        channels = x.shape[self.layout.channel_axis]
        # As PyTorch counts it: over the output channels, which are the inputs of the mirrored convolution.
        fan_in = math.prod(self.kernel_size) * self.features
        kernel = self.param(
            "kernel", _kernel_init(self, fan_in), (*self.kernel_size, channels, self.features)
        )
        padding = conv_padding(self.size, self.kernel_size, self.strides, self.padding)
        mirrored = conv_size(self.size, self.kernel_size, self.strides, padding)
        if mirrored != self.layout.size(x):
            raise ValueError(
                f"the convolution from {self.size} gives {mirrored}, so its transpose takes images of that size, "
                f"got {self.layout.size(x)}."
            )
        y = self.layout.conv_transpose(x, kernel, self.strides, padding, self.size)
        return _add_bias(self, y, fan_in) if self.use_bias else y


def _kernel_init(module: "Conv | ConvTranspose | Dense", fan_in: int) -> nn.initializers.Initializer:
    if module.initialization is not None:
        return module.initialization.kernel(fan_in)
    return nn.initializers.lecun_normal() if isinstance(module, Dense) else nn.initializers.he_normal()


def _bias_init(module: "Conv | ConvTranspose | Dense", fan_in: int) -> nn.initializers.Initializer:
    return nn.initializers.zeros if module.initialization is None else module.initialization.bias(fan_in)


def _add_bias(module: Conv | ConvTranspose, y: Array, fan_in: int) -> Array:
    bias = module.param("bias", _bias_init(module, fan_in), (module.features,))
    shape = [1, 1, 1, 1]
    shape[module.layout.channel_axis] = module.features
    return y + bias.reshape(shape)


class Dense(nn.Module):
    """Dense layer, parameters as `flax.linen.Dense`; images are flattened in (h, w, c) order.

    Attributes:
        features: size of the output.
        layout: layout of images, and precision of the product.
        use_bias: whether a bias is added; leave it out before `NormAct`.
        initialization: of kernel and bias; LeCun's normal kernel and zero bias if not given.
    """

    features: int
    layout: Layout
    use_bias: bool = True
    initialization: Initialization | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n d"] | Float[Array, "_ _ _ _"]) -> Float[Array, "n o"]:
        """Maps vectors, or images in the layout, to vectors."""
        images = x.ndim == 4
        size = x.size // x.shape[self.layout.order.index(0)] if images else x.shape[-1]
        kernel = self.param("kernel", _kernel_init(self, size), (size, self.features))
        y = self.layout.flat_dense(x, kernel) if images else self.layout.dense(x, kernel)
        return y + self.param("bias", _bias_init(self, size), (self.features,))[None] if self.use_bias else y


class NormAct(nn.Module):
    """Batch normalisation and leaky rectifier, parameters and statistics as `flax.linen.BatchNorm`.

    Attributes:
        channel_axis: the channels' axis.
        slope: the rectifier's slope below zero; 0 is ReLU.
        axis_name: of the axis over whose devices the batch's statistics are shared.
    """

    channel_axis: int = -1
    slope: float = 0.0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "..."], train: bool) -> Float[Array, "..."]:
        """Normalises with the batch's statistics in training, updating the running ones, else with the running ones."""
        channels = x.shape[self.channel_axis]
        scale = self.param("scale", nn.initializers.ones, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,))
        var = self.variable("batch_stats", "var", jnp.ones, (channels,))
        if not train:
            shape = [1] * x.ndim
            shape[self.channel_axis] = channels
            gain = scale / jnp.sqrt(var.value + EPSILON)
            y = x * gain.reshape(shape) + (bias - mean.value * gain).reshape(shape)
            return jnp.where(y > 0, y, self.slope * y)
        axis_name = None if self.is_initializing() else self.axis_name
        y, batch_mean, batch_var = norm_act(
            x, scale, bias, mean.value, self.channel_axis, self.slope, EPSILON, axis_name
        )
        if not self.is_initializing():
            mean.value = MOMENTUM * mean.value + (1 - MOMENTUM) * batch_mean
            var.value = MOMENTUM * var.value + (1 - MOMENTUM) * batch_var
        return y


def unflatten(x: Float[Array, "n d"], size: Pair, layout: Layout) -> Float[Array, "_ _ _ _"]:
    """Folds vectors into images.

    Args:
        x: [n, h * w * c], each in (h, w, c) order.
        size: height and width of the images.
        layout: memory layout of the result.

    Returns:
        Images in the layout.
    """
    return layout.enter(x.reshape(len(x), *size, -1))


def max_pool(x: Float[Array, "_ _ _ _"], layout: Layout) -> Float[Array, "_ _ _ _"]:
    """Max pooling over 2x2 pixels; the last row and column of odd sizes are pooled by themselves.

    The gradient goes to the largest pixel, in equal parts where two are equal. Built from `jnp.maximum`, since XLA:CPU
    computes the gradient of `lax.reduce_window` slowly.

    Args:
        x: images in the layout.
        layout: memory layout of the images.

    Returns:
        Images of half the height and width, rounded up, in the layout.
    """
    for axis in (layout.order.index(1), layout.order.index(2)):
        if x.shape[axis] % 2:
            edge = [(0, int(a == axis)) for a in range(x.ndim)]
            x = jnp.pad(x, edge, constant_values=-jnp.inf)
        even, odd = (lax.slice_in_dim(x, start, None, 2, axis) for start in (0, 1))
        x = jnp.maximum(even, odd)
    return x
