"""Encoder and decoder of a convolutional autoencoder as separate modules, so that each can belong to a player.

Images are NHWC, float32 in [0, 1]; the decoder returns logits.
"""

import math

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxvae.models.layers import Conv, ConvTranspose, Dense, NormAct, unflatten
from jaxvae.models.layouts import Layout
from jaxvae.models.stages import check_shape, mirrored, stage_sizes


class Encoder(nn.Module):
    """Convolutions 4x4 of stride 2, each with BatchNorm and ReLU, and a dense layer.

    Attributes:
        outputs: size of the vectors that it returns.
        image_shape: (height, width, channels).
        widths: channels of the stages; each halves the image, rounding up.
        layout: memory layout of the convolutions and precision of products.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
    """

    outputs: int
    image_shape: tuple[int, int, int]
    widths: tuple[int, ...]
    layout: Layout
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, image: Float[Array, "n h w c"], train: bool, condition: Float[Array, "n _"] | None = None
    ) -> Float[Array, "n _"]:
        """Maps images to vectors.

        Args:
            image: in [0, 1], of the shape that the encoder was built for.
            train: whether BatchNorm uses the batch's statistics.
            condition: further input of the dense layer.

        Returns:
            [n, outputs], unbounded.

        Raises:
            ValueError: images of another shape.
        """
        check_shape(image, self.image_shape)
        h = self.layout.enter(image)
        for width in self.widths:
            norm = NormAct(self.layout.channel_axis, axis_name=self.axis_name)
            h = norm(Conv(width, self.layout)(h), train)
        if condition is not None:
            h = jnp.concatenate([self.layout.leave(h).reshape(len(image), -1), condition], axis=-1)
        return Dense(self.outputs, self.layout)(h)


class Decoder(nn.Module):
    """A dense layer and transposed convolutions that mirror an `Encoder` of the same widths.

    Attributes:
        image_shape: (height, width, channels).
        widths: channels of the encoder's stages.
        layout: memory layout of the convolutions and precision of products.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
    """

    image_shape: tuple[int, int, int]
    widths: tuple[int, ...]
    layout: Layout
    axis_name: str | None = None

    @nn.compact
    def __call__(self, code: Float[Array, "n d"], train: bool) -> Float[Array, "n h w c"]:
        """Maps vectors to images.

        Args:
            code: of any size.
            train: whether BatchNorm uses the batch's statistics.

        Returns:
            Logits; their sigmoid is the mean image.
        """
        sizes = stage_sizes(self.image_shape[:2], len(self.widths))
        flat = Dense(math.prod(sizes[-1]) * self.widths[-1], self.layout, use_bias=False)(code)
        h = self._norm()(unflatten(flat, sizes[-1], self.layout), train)
        for unstage in mirrored(self.widths, sizes, self.layout):
            h = self._norm()(unstage(h), train)
        to_logits = ConvTranspose(self.image_shape[-1], sizes[0], self.layout, use_bias=True)
        return self.layout.leave(to_logits(h))

    def _norm(self) -> NormAct:
        return NormAct(self.layout.channel_axis, axis_name=self.axis_name)


def check_sizes(
    family: str, image_shape: tuple[int, ...], latent_size: int, **widths: tuple[int, ...]
) -> None:
    """Rejects sizes with which no network can be built.

    Args:
        family: name of the family with its article, for the message.
        image_shape: (height, width, channels).
        latent_size: of the code.
        **widths: of each chain of layers, by name.

    Raises:
        ValueError: an empty chain, or a size that is not positive.
    """
    sizes = (*image_shape, latent_size, *(width for chain in widths.values() for width in chain))
    if min(sizes) < 1 or not all(widths.values()):
        chains = ", ".join(f"{name} {tuple(chain)}" for name, chain in widths.items())
        raise ValueError(
            f"{family} needs at least one layer in each chain and positive sizes, got image shape "
            f"{tuple(image_shape)}, latent size {latent_size}, {chains}."
        )
