"""Convolutional variational autoencoder with dropout in its encoder, its decoder, or both.

Images are NHWC, float32 in [0, 1]; the decoder returns logits.
"""

import math
from dataclasses import field
from itertools import accumulate

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.autoencoder import Autoencoder, Labels
from jaxvae.models.dropout import Drop, Rate, check_rate, dropping, keep
from jaxvae.models.initialization import initialization
from jaxvae.models.layers import Conv, ConvTranspose, Dense, unflatten
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.remat import part
from jaxvae.models.stages import stage_sizes
from jaxvae.types import Output, Posterior

_GEOMETRY = ((3, 3), (2, 2), ((1, 1), (1, 1)))


class DropoutVAE(Autoencoder):
    """Convolutions 3x3 of stride 2 with ReLU, a dense head to one or more Gaussian latents, and the same mirrored.

    In training, calling the model drops activations after every ReLU; `encode` and `decode` never do. With
    `gaussian=False` it is a plain autoencoder.

    Attributes:
        image_shape: (height, width, channels).
        latent_sizes: size of each level's latent; the levels lie side by side, and the decoder gets all of them.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        encoder_dropout: share of the encoder's activations that training drops, in [0, 1).
        decoder_dropout: the same for the decoder.
        initialization: initial distribution of the parameters, a name in `INITIALIZATIONS`.
        gaussian: whether the encoder returns a Gaussian; otherwise it is deterministic and returns the code, a
            posterior of standard deviation 0, which has no KL divergence.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: no stage, no level, a size that is not positive, a rate outside [0, 1), or an unknown
            initialization.

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
    gaussian: bool = True
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
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

    @override
    def setup(self) -> None:
        begin = initialization(self.initialization)
        sizes = stage_sizes(self.image_shape[:2], len(self.widths))
        self.bottleneck = sizes[-1]
        self.stages = [
            Conv(width, self.layout, *_GEOMETRY, use_bias=True, initialization=begin) for width in self.widths
        ]
        self.head = Dense((1 + self.gaussian) * sum(self.latent_sizes), self.layout, initialization=begin)
        self.expand = Dense(math.prod(sizes[-1]) * self.widths[-1], self.layout, initialization=begin)
        *rising, last = [
            ConvTranspose(width, size, self.layout, *_GEOMETRY, use_bias=True, initialization=begin)
            for width, size in zip((*self.widths[-2::-1], self.image_shape[-1]), sizes[-2::-1], strict=True)
        ]
        self.unstages = rising
        self.to_logits = last

    @override
    def _encode(
        self, image: Float[Array, "n h w c"], train: bool, *condition: Float[Array, "n _"]
    ) -> tuple[Posterior, ...]:
        return self._posteriors(image, keep, *condition)

    @override
    def _decode(
        self, latents: tuple[Float[Array, "n _"], ...], train: bool, *condition: Float[Array, "n _"]
    ) -> Float[Array, "n h w c"]:
        return self._logits(latents, keep, *condition)

    @override
    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
        *,
        label: Labels | None = None,
        encoder_dropout: Rate | None = None,
        decoder_dropout: Rate | None = None,
    ) -> Output:
        """Encodes, draws a latent at every level, and decodes, with dropout in training.

        Args:
            key: source of randomness.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, which decides its noise and masks.
            train: whether activations are dropped.
            label: of the images, if the model takes one (`label_field`).
            encoder_dropout: replaces the model's rate of that name.
            decoder_dropout: replaces the model's rate of that name.

        Returns:
            Logits, posteriors and latents.

        Raises:
            ValueError: images or a label of another shape, a label for a model that takes none, or a rate outside
                [0, 1).
        """
        condition = self._checked(image, label)
        rates = (
            self.encoder_dropout if encoder_dropout is None else encoder_dropout,
            self.decoder_dropout if decoder_dropout is None else decoder_dropout,
        )
        first = len(self.latent_sizes)  # the levels' draws fold in the numbers before
        drop_down, drop_up = (
            dropping(jax.random.fold_in(key, first + half), rate if train else 0.0, index, self.layout)
            for half, rate in enumerate(rates)
        )
        posteriors = part(self, lambda own, image: own._posteriors(image, drop_down, *condition), image)
        return self._output(key, index, posteriors, lambda own, z: own._logits(z, drop_up, *condition))

    def _posteriors(
        self, image: Float[Array, "n h w c"], drop: Drop, *condition: Float[Array, "n _"]
    ) -> tuple[Posterior, ...]:
        h = self.layout.enter(image)
        for number, stage in enumerate(self.stages):
            h = drop(number, nn.relu(stage(h)))
        if condition:
            h = jnp.concatenate([self.layout.leave(h).reshape(len(image), -1), *condition], axis=-1)
        ends = list(accumulate(self.latent_sizes))
        if not self.gaussian:
            return tuple(Posterior(m, jnp.zeros_like(m)) for m in jnp.split(self.head(h), ends[:-1], axis=-1))
        means, log_variances = (jnp.split(y, ends[:-1], axis=-1) for y in jnp.split(self.head(h), 2, axis=-1))
        return tuple(Posterior(m, jnp.exp(v / 2)) for m, v in zip(means, log_variances, strict=True))

    def _logits(
        self, latents: tuple[Float[Array, "n _"], ...], drop: Drop, *condition: Float[Array, "n _"]
    ) -> Float[Array, "n h w c"]:
        code = jnp.concatenate([*latents, *condition], axis=-1)
        h = drop(0, nn.relu(unflatten(self.expand(code), self.bottleneck, self.layout)))
        for number, unstage in enumerate(self.unstages, start=1):
            h = drop(number, nn.relu(unstage(h)))
        return self.layout.leave(self.to_logits(h))
