"""Networks that discriminate real from fake inputs, by unbounded logits that are large for real."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxvae.models.layers import Conv, Dense, NormAct
from jaxvae.models.layouts import Layout
from jaxvae.models.stages import check_shape
from jaxvae.types import Logits

NORMALISATIONS = ("batch", "spectral", "none")
"""Normalisations of the image discriminator, by name."""

_SLOPE = 0.2


class LatentDiscriminator(nn.Module):
    """Dense layers with leaky ReLU; no BatchNorm, whose statistics would mix real and fake codes.

    Attributes:
        hidden: sizes of the hidden layers.
        layout: precision of products.

    References:
        Makhzani et al., Adversarial Autoencoders, ICLR 2016 workshop, appendix A.1 (two layers of ReLU).
    """

    hidden: tuple[int, ...]
    layout: Layout

    @nn.compact
    def __call__(self, code: Float[Array, "n d"], condition: Float[Array, "n _"] | None = None) -> Logits:
        """Maps codes to logits.

        Args:
            code: [n, d].
            condition: further input of the first layer, such as the label's one-hot vector.

        Returns:
            One logit for each code.
        """
        h = code if condition is None else jnp.concatenate([code, condition], axis=-1)
        for size in self.hidden:
            h = nn.leaky_relu(Dense(size, self.layout)(h), _SLOPE)
        return Logits(Dense(1, self.layout)(h)[:, 0])


class ImageDiscriminator(nn.Module):
    """Convolutions 4x4 of stride 2 with leaky ReLU and a dense hidden layer.

    Attributes:
        image_shape: (height, width, channels).
        widths: channels of the convolutions; each halves the image, rounding up.
        hidden: size of the dense layer.
        feature_layer: the convolution whose activations are the features, 1 for the first.
        normalisation: "batch" has BatchNorm in all convolutions but the first, "spectral" divides every kernel by its
            largest singular value, "none" does neither.
        layout: memory layout of the convolutions and precision of products.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, section 4.
        Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018, Algorithm 1.
    """

    image_shape: tuple[int, int, int]
    widths: tuple[int, ...]
    hidden: int
    feature_layer: int
    normalisation: str
    layout: Layout
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, image: Float[Array, "n h w c"], train: bool, condition: Float[Array, "n _"] | None = None
    ) -> tuple[Logits, Float[Array, "n _"]]:
        """Maps images to logits and features.

        Args:
            image: of the shape that the discriminator was built for; with instance noise also outside of [0, 1].
            train: whether BatchNorm uses the batch's statistics and singular values are updated.
            condition: further input of the dense layer.

        Returns:
            One logit for each image, and its features, flattened in (h, w, c) order.

        Raises:
            ValueError: images of another shape.
        """
        check_shape(image, self.image_shape)
        h = self.layout.enter(image)
        for number, width in enumerate(self.widths, start=1):
            batch_norm = self.normalisation == "batch" and number > 1
            y = self._apply(Conv(width, self.layout, use_bias=not batch_norm), h, train)
            if batch_norm:
                h = NormAct(self.layout.channel_axis, _SLOPE, self.axis_name)(y, train)
            else:
                h = nn.leaky_relu(y, _SLOPE)
            if number == self.feature_layer:
                features = self.layout.leave(h).reshape(len(image), -1)
        if condition is not None:
            h = jnp.concatenate([self.layout.leave(h).reshape(len(image), -1), condition], axis=-1)
        h = nn.leaky_relu(self._apply(Dense(self.hidden, self.layout), h, train), _SLOPE)
        return Logits(self._apply(Dense(1, self.layout), h, train)[:, 0]), features

    def _apply(self, layer: Conv | Dense, x: Array, train: bool) -> Array:
        if self.normalisation != "spectral":
            return layer(x)
        return nn.SpectralNorm(layer)(x, update_stats=train and not self.is_initializing())
