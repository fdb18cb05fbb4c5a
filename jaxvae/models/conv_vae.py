"""Convolutional variational autoencoder without normalisation, with a vector between the convolutions and the code.

Images are NHWC, float32 in [0, 1]; the decoder returns logits.
"""

from dataclasses import field

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float
from typing_extensions import override

from jaxvae.models.autoencoder import OneLevelAutoencoder
from jaxvae.models.initialization import initialization
from jaxvae.models.layers import Conv, ConvTranspose, Dense, unflatten
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.priors import Normal
from jaxvae.models.stages import stage_sizes
from jaxvae.types import Posterior

_PADDING = ((1, 1), (1, 1))


class ConvVAE(OneLevelAutoencoder):
    """Convolutions 3x3 of stride 2 with ReLU, one over the whole remaining map, a Gaussian code, and the same mirrored.

    For grey images of 28x28 pixels and a code of size two it has 210,821 parameters. Training and evaluation behave
    alike.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        hidden: size of the vector between the convolutions and the code.
        initialization: initial distribution of the parameters, a name in `INITIALIZATIONS`.
        prior: mean and standard deviation of the normal prior of z.
        skip: whether z also reaches every stage of the decoder: a separate dense layer maps it to one number for each
            channel, added before the ReLU.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: no stage, a size that is not positive, or an unknown initialization.

    References:
        Datta, Variational Autoencoders (the report), section 3.
        Dieng, Kim, Rush & Blei, Avoiding Latent Variable Collapse with Generative Skip Models, AISTATS 2019 (skip).
    """

    image_shape: tuple[int, int, int]
    latent_size: int = 2
    widths: tuple[int, ...] = (16, 32)
    hidden: int = 64
    initialization: str = "pytorch"
    prior: tuple[float, float] = (0.0, 1.0)
    skip: bool = False
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        initialization(self.initialization)
        if not self.widths or min(*self.widths, self.hidden, self.latent_size, *self.image_shape) < 1:
            raise ValueError(
                f"a VAE needs at least one stage and positive sizes, got image shape {tuple(self.image_shape)}, "
                f"latent size {self.latent_size}, widths {tuple(self.widths)}, hidden {self.hidden}."
            )
        super().__post_init__()

    @property
    @override
    def priors(self) -> tuple[Normal, ...]:
        loc, scale = self.prior
        return (Normal(dim=self.latent_size, loc=loc, scale=scale),)

    @override
    def setup(self) -> None:
        begin = initialization(self.initialization)
        sizes = stage_sizes(self.image_shape[:2], len(self.widths))
        self.stages = [
            Conv(width, self.layout, (3, 3), (2, 2), _PADDING, use_bias=True, initialization=begin)
            for width in self.widths
        ]
        self.narrow = Conv(
            self.hidden, self.layout, sizes[-1], (1, 1), "VALID", use_bias=True, initialization=begin
        )
        self.head = Dense(2 * self.latent_size, self.layout, initialization=begin)
        self.expand = Dense(self.hidden, self.layout, initialization=begin)
        channels = (*self.widths[-2::-1], self.image_shape[-1])
        self.unstages = [
            ConvTranspose(
                self.widths[-1],
                sizes[-1],
                self.layout,
                sizes[-1],
                (1, 1),
                "VALID",
                use_bias=True,
                initialization=begin,
            ),
            *(
                ConvTranspose(
                    width, size, self.layout, (3, 3), (2, 2), _PADDING, use_bias=True, initialization=begin
                )
                for width, size in zip(channels, sizes[-2::-1], strict=True)
            ),
        ]
        self.skips = [
            Dense(width, self.layout, use_bias=False, initialization=begin)
            for width in (self.widths[-1], *channels)
            if self.skip
        ]

    @override
    def _encode(self, image: Float[Array, "n h w c"], train: bool) -> tuple[Posterior, ...]:
        h = self.layout.enter(image)
        for stage in self.stages:
            h = nn.relu(stage(h))
        h = self.layout.leave(self.narrow(h)).reshape(len(image), self.hidden)
        mean, log_variance = jnp.split(self.head(h), 2, axis=-1)
        return (Posterior(mean, jnp.exp(log_variance / 2)),)

    @override
    def _decode(self, latents: tuple[Float[Array, "n _"], ...], train: bool) -> Float[Array, "n h w c"]:
        (z,) = latents
        h = unflatten(self.expand(z), (1, 1), self.layout)
        for number, unstage in enumerate(self.unstages):
            h = unstage(nn.relu(h) if number else h)
            if self.skip:
                h += unflatten(self.skips[number](z), (1, 1), self.layout)
        return self.layout.leave(h)
