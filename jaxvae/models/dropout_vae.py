"""Convolutional variational autoencoder with dropout in its encoder, its decoder, or both.

Images are NHWC, float32 in [0, 1]; the decoder returns logits. Codes are tuples of [n, d], one for each level.
"""

import math
from dataclasses import field
from itertools import accumulate

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.autoencoder import Autoencoder
from jaxvae.models.dropout import Drop, Rate, check_rate, dropping, keep
from jaxvae.models.initialization import initialization
from jaxvae.models.layers import Conv, ConvTranspose, Dense, unflatten
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.stages import check_shape, stage_sizes
from jaxvae.types import Output, Posterior

_GEOMETRY = ((3, 3), (2, 2), ((1, 1), (1, 1)))


class DropoutVAE(Autoencoder):
    """Convolutions 3x3 of stride 2 with ReLU, a dense head to one or more Gaussian codes, and the same mirrored back.

    Dropout follows every ReLU, in training only.

    Attributes:
        image_shape: (height, width, channels).
        latent_sizes: size of each level's code; the levels lie side by side, and the decoder is given all of them.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        encoder_dropout: share of the encoder's activations that training drops, in [0, 1).
        decoder_dropout: the same of the decoder's.
        initialization: how parameters begin, a name in `INITIALIZATIONS`.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    References:
        Gopinath, Generative Neural Networks (the report), section 2.8.
        Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, JMLR 2014.
    """

    image_shape: tuple[int, int, int]
    latent_sizes: tuple[int, ...] = (2,)
    widths: tuple[int, ...] = (32, 64)
    encoder_dropout: float = 0.0
    decoder_dropout: float = 0.0
    initialization: str = "pytorch"
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        """Refuses what makes no network.

        Raises:
            ValueError: no stage, no level, a size that is not positive, a rate outside [0, 1), or an unknown
                initialization.
        """
        initialization(self.initialization)
        check_rate(self.encoder_dropout)
        check_rate(self.decoder_dropout)
        sizes = (*self.widths, *self.latent_sizes, *self.image_shape)
        if not self.widths or not self.latent_sizes or min(sizes) < 1:
            raise ValueError(
                f"a VAE needs at least one stage, one level and positive sizes, got image shape "
                f"{tuple(self.image_shape)}, latent sizes {tuple(self.latent_sizes)}, widths {tuple(self.widths)}."
            )
        super().__post_init__()

    def setup(self) -> None:
        """Builds the layers."""
        begin = initialization(self.initialization)
        sizes = stage_sizes(self.image_shape[:2], len(self.widths))
        self.bottleneck = sizes[-1]
        self.stages = [
            Conv(width, self.layout, *_GEOMETRY, use_bias=True, initialization=begin) for width in self.widths
        ]
        self.head = Dense(2 * sum(self.latent_sizes), self.layout, initialization=begin)
        self.expand = Dense(math.prod(sizes[-1]) * self.widths[-1], self.layout, initialization=begin)
        *rising, last = [
            ConvTranspose(width, size, self.layout, *_GEOMETRY, use_bias=True, initialization=begin)
            for width, size in zip((*self.widths[-2::-1], self.image_shape[-1]), sizes[-2::-1], strict=True)
        ]
        self.unstages = rising
        self.to_logits = last

    def encode(self, image: Float[Array, "n h w c"], train: bool = False) -> tuple[Posterior, ...]:
        """q(z | x), without dropout.

        Args:
            image: in [0, 1], of the shape that the model was built for.
            train: without effect.

        Returns:
            One posterior for each level; the network puts out means and log variances.

        Raises:
            ValueError: images of another shape.
        """
        return self._posteriors(image, keep)

    def decode(
        self, latents: tuple[Float[Array, "n _"], ...], train: bool = False
    ) -> Float[Array, "n h w c"]:
        """Logits of p(x | z), without dropout.

        Args:
            latents: one array for each level.
            train: without effect.

        Returns:
            Logits; their sigmoid is the mean image.

        Raises:
            ValueError: latents of another number or size.
        """
        return self._logits(latents, keep)

    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
        *,
        encoder_dropout: Rate | None = None,
        decoder_dropout: Rate | None = None,
    ) -> Output:
        """Encodes, draws a code at every level, and decodes, with dropout in training.

        Args:
            key: for the draws and the masks.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, which decides the noise and the masks that it meets.
            train: whether there is dropout.
            encoder_dropout: replaces the model's own rate.
            decoder_dropout: replaces the model's own rate.

        Returns:
            Logits, posteriors and latents.

        Raises:
            ValueError: images of another shape, or a rate outside [0, 1).
        """
        return self._run(key, image, index, train, (encoder_dropout, decoder_dropout))

    def _run(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool,
        rates: tuple[Rate | None, Rate | None],
        *beside: Float[Array, "n _"],
    ) -> Output:
        """As `__call__`; `beside` are vectors that encoder and decoder are given too."""
        own = (self.encoder_dropout, self.decoder_dropout)
        used = [mine if rate is None else rate for rate, mine in zip(rates, own, strict=True)]
        levels = len(self.latent_sizes)  # whose draws have the keys of the first numbers
        down, up = (
            dropping(jax.random.fold_in(key, levels + half), rate if train else 0.0, index, self.layout)
            for half, rate in enumerate(used)
        )
        posteriors = self._posteriors(image, down, *beside)
        return self._output(key, index, posteriors, lambda latents: self._logits(latents, up, *beside))

    def _posteriors(
        self, image: Float[Array, "n h w c"], drop: Drop, *beside: Float[Array, "n _"]
    ) -> tuple[Posterior, ...]:
        check_shape(image, self.image_shape)
        h = self.layout.enter(image)
        for number, stage in enumerate(self.stages):
            h = drop(number, nn.relu(stage(h)))
        if beside:
            h = jnp.concatenate([self.layout.leave(h).reshape(len(image), -1), *beside], axis=-1)
        ends = list(accumulate(self.latent_sizes))
        means, log_variances = (jnp.split(y, ends[:-1], axis=-1) for y in jnp.split(self.head(h), 2, axis=-1))
        return tuple(Posterior(m, jnp.exp(v / 2)) for m, v in zip(means, log_variances, strict=True))

    def _logits(
        self, latents: tuple[Float[Array, "n _"], ...], drop: Drop, *beside: Float[Array, "n _"]
    ) -> Float[Array, "n h w c"]:
        sizes = tuple(z.shape[-1] for z in latents)
        if sizes != tuple(self.latent_sizes):
            raise ValueError(
                f"this model has levels of sizes {tuple(self.latent_sizes)}, got latents of {sizes}."
            )
        code = jnp.concatenate([*latents, *beside], axis=-1)
        h = drop(0, nn.relu(unflatten(self.expand(code), self.bottleneck, self.layout)))
        for number, unstage in enumerate(self.unstages, start=1):
            h = drop(number, nn.relu(unstage(h)))
        return self.layout.leave(self.to_logits(h))
