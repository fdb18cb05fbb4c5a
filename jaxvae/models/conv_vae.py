"""Convolutional variational autoencoder without normalisation, narrowed to a single vector on both sides of its code.

Images are NHWC, float32 in [0, 1]; the decoder returns logits. Codes are tuples of one array, as a ladder's
are tuples of several.
"""

from dataclasses import field

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxvae.models.autoencoder import Autoencoder
from jaxvae.models.initialization import initialization
from jaxvae.models.layers import Conv, ConvTranspose, Dense, unflatten
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.stages import check_shape, stage_sizes
from jaxvae.types import Posterior

_PADDING = ((1, 1), (1, 1))


class ConvVAE(Autoencoder):
    """Convolutions 3x3 of stride 2 with ReLU, one as large as what is left, a Gaussian code, and the same mirrored.

    For images of 28x28 in grey and a code of two it has 210,821 parameters.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        hidden: size of the vector between the convolutions and the code.
        initialization: how parameters begin, a name in `INITIALIZATIONS`.
        prior: mean and standard deviation of the normal prior that z was trained towards, for sampling.
        skip: whether z also reaches every stage of the decoder, through a dense layer of its own that gives each
            channel one number, added before the ReLU.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

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
        """Refuses what makes no network.

        Raises:
            ValueError: no stage, a size that is not positive, or an unknown initialization.
        """
        initialization(self.initialization)
        if not self.widths or min(*self.widths, self.hidden, self.latent_size, *self.image_shape) < 1:
            raise ValueError(
                f"a VAE needs at least one stage and positive sizes, got image shape {tuple(self.image_shape)}, "
                f"latent size {self.latent_size}, widths {tuple(self.widths)}, hidden {self.hidden}."
            )
        super().__post_init__()

    @property
    def latent_sizes(self) -> tuple[int, ...]:
        """Size of the one level's code."""
        return (self.latent_size,)

    def setup(self) -> None:
        """Builds the layers."""
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

    def encode(self, image: Float[Array, "n h w c"], train: bool = False) -> tuple[Posterior, ...]:
        """q(z | x).

        Args:
            image: in [0, 1], of the shape that the model was built for.
            train: without effect; the model behaves alike in training.

        Returns:
            One posterior; its network puts out mean and log variance.

        Raises:
            ValueError: images of another shape.
        """
        check_shape(image, self.image_shape)
        h = self.layout.enter(image)
        for stage in self.stages:
            h = nn.relu(stage(h))
        h = self.layout.leave(self.narrow(h)).reshape(len(image), self.hidden)
        mean, log_variance = jnp.split(self.head(h), 2, axis=-1)
        return (Posterior(mean, jnp.exp(log_variance / 2)),)

    def decode(
        self, latents: tuple[Float[Array, "n _"], ...], train: bool = False
    ) -> Float[Array, "n h w c"]:
        """Logits of p(x | z).

        Args:
            latents: one array.
            train: without effect; the model behaves alike in training.

        Returns:
            Logits; their sigmoid is the mean image.

        Raises:
            ValueError: latents of another number or size.
        """
        sizes = tuple(z.shape[-1] for z in latents)
        if sizes != self.latent_sizes:
            raise ValueError(f"this model has one latent of size {self.latent_size}, got latents of {sizes}.")
        (z,) = latents
        h = unflatten(self.expand(z), (1, 1), self.layout)
        for number, unstage in enumerate(self.unstages):
            h = unstage(nn.relu(h) if number else h)
            if self.skip:
                h += unflatten(self.skips[number](z), (1, 1), self.layout)
        return self.layout.leave(h)
