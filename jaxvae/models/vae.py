"""Convolutional variational autoencoder.

Images are NHWC, float32 in [0, 1]; the decoder returns logits.
"""

import math
from dataclasses import field

import jax.numpy as jnp
from jaxtyping import Array, Float
from typing_extensions import override

from jaxvae.models.autoencoder import OneLevelAutoencoder
from jaxvae.models.layers import Conv, ConvTranspose, Dense, NormAct, unflatten
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.posterior import full_posterior, full_size
from jaxvae.models.stages import mirrored, stage_sizes
from jaxvae.types import Posterior

_COVARIANCES = ("diagonal", "full")


class VAE(OneLevelAutoencoder):
    """Convolutions 4x4 of stride 2, each with BatchNorm and ReLU, to a Gaussian code, and the same mirrored.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        covariance: of the posterior, "diagonal" or "full": the latter's encoder also puts out how dimensions depend on
            each other, latent_size (latent_size - 1) / 2 numbers more.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: no stage, a size that is not positive, or an unknown covariance.

    References:
        Kingma & Welling, Auto-Encoding Variational Bayes, ICLR 2014.
        Radford, Metz & Chintala, Unsupervised Representation Learning with DCGANs, ICLR 2016, section 3.
    """

    image_shape: tuple[int, int, int]
    latent_size: int = 10
    widths: tuple[int, ...] = (32, 64, 128)
    covariance: str = "diagonal"
    axis_name: str | None = None
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        if not self.widths or min(*self.widths, self.latent_size, *self.image_shape) < 1:
            raise ValueError(
                f"a VAE needs at least one stage and positive sizes, got image shape {tuple(self.image_shape)}, "
                f"latent size {self.latent_size}, widths {tuple(self.widths)}."
            )
        if self.covariance not in _COVARIANCES:
            raise ValueError(f"covariance must be one of {', '.join(_COVARIANCES)}, got {self.covariance!r}.")
        super().__post_init__()

    @override
    def setup(self) -> None:
        sizes = stage_sizes(self.image_shape[:2], len(self.widths))
        self.bottleneck = sizes[-1]
        self.stages = [Conv(width, self.layout) for width in self.widths]
        self.stage_norms = [self._norm() for _ in self.widths]
        spread = full_size(self.latent_size) if self.covariance == "full" else self.latent_size
        self.head = Dense(self.latent_size + spread, self.layout)
        self.expand = Dense(math.prod(sizes[-1]) * self.widths[-1], self.layout, use_bias=False)
        self.expand_norm = self._norm()
        self.unstages = mirrored(self.widths, sizes, self.layout)
        self.unstage_norms = [self._norm() for _ in self.unstages]
        self.to_logits = ConvTranspose(self.image_shape[-1], sizes[0], self.layout, use_bias=True)

    def _norm(self) -> NormAct:
        return NormAct(self.layout.channel_axis, axis_name=self.axis_name)

    @override
    def _encode(self, image: Float[Array, "n h w c"], train: bool) -> tuple[Posterior, ...]:
        h = self.layout.enter(image)
        for stage, norm in zip(self.stages, self.stage_norms, strict=True):
            h = norm(stage(h), train)
        mean, spread = jnp.split(self.head(h), [self.latent_size], axis=-1)
        if self.covariance == "full":
            return (full_posterior(mean, spread),)
        return (Posterior(mean, jnp.exp(spread / 2)),)

    @override
    def _decode(self, latents: tuple[Float[Array, "n _"], ...], train: bool) -> Float[Array, "n h w c"]:
        h = unflatten(self.expand(latents[0]), self.bottleneck, self.layout)
        h = self.expand_norm(h, train)
        for unstage, norm in zip(self.unstages, self.unstage_norms, strict=True):
            h = norm(unstage(h), train)
        return self.layout.leave(self.to_logits(h))
