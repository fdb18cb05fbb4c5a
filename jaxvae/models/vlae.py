"""Variational ladder autoencoder: one encoder, one decoder, and a latent at every depth.

Images are NHWC, float32 in [0, 1]; the decoder returns logits. Levels are counted from 1, the bottom (nearest
to the image), to L, the top; tuples hold the bottom level first.
"""

import math
from dataclasses import field

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float
from typing_extensions import override

from jaxvae.models.autoencoder import Autoencoder
from jaxvae.models.layers import Conv, ConvTranspose, Dense, NormAct, unflatten
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.stages import mirrored, stage_sizes
from jaxvae.types import Posterior

MIN_STDDEV = 1e-3
"""Floor of a posterior's standard deviation, which the sigmoid keeps in (0.001, 1.001), as in the authors' code."""


class VLAE(Autoencoder):
    """Ladder of L levels: h_l = stage_l(h_{l-1}), q(z_l | x) from h_l alone, and a decoder that merges top down.

    The encoder's stage l is Conv 4x4 stride 2, BatchNorm, ReLU. The decoder computes z~_L by three
    Dense/BatchNorm/ReLU layers on z_L, then z~_l = f([z~_{l+1}, z_l]) with f = ReLU(Dense), and mirrors the
    encoder from z~_1. (The report's indices contradict each other: z'_1 from z_3, z'_2 from z'_3 and z_2, z'_3 from
    z'_2 and z_1. This is the chain that uses every code once, as in the VLAE paper.)

    Attributes:
        image_shape: (height, width, channels); height and width divisible by 4.
        latent_sizes: size of z_1, ..., z_L.
        widths: channels of the encoder's stages, as many as there are levels.
        hidden: size of every z~_l.
        shared_merge: one f for all merges, as in the report, or one for each.
        learned_scale: whether the standard deviation of the observation noise is learned (`Output.log_scale`).
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: levels and widths differ in number, a size is not positive, the image is not divisible by 4,
            or f is shared by levels of different sizes.

    References:
        Zhao, Song & Ermon, Learning Hierarchical Features from Generative Models, ICML 2017, section 5.
        Mazumder, Variational Ladder Autoencoder with SSIM Loss (the report).
    """

    image_shape: tuple[int, int, int]
    latent_sizes: tuple[int, ...] = (2, 2, 2)
    widths: tuple[int, ...] = (32, 64, 128)
    hidden: int = 512
    shared_merge: bool = True
    learned_scale: bool = False
    axis_name: str | None = None
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        if len(self.latent_sizes) != len(self.widths) or not self.widths:
            raise ValueError(
                f"a ladder has as many latent sizes as widths, got {len(self.latent_sizes)} latent sizes "
                f"{tuple(self.latent_sizes)} for {len(self.widths)} levels of widths {tuple(self.widths)}."
            )
        if min(*self.image_shape, *self.latent_sizes, *self.widths, self.hidden) < 1:
            raise ValueError(
                f"sizes must be at least 1, got image shape {tuple(self.image_shape)}, latent sizes "
                f"{tuple(self.latent_sizes)}, widths {tuple(self.widths)}, hidden {self.hidden}."
            )
        if self.shared_merge and len(set(self.latent_sizes[:-1])) > 1:
            raise ValueError(
                f"levels below the top share one merge, so their latent sizes must be equal, got "
                f"{tuple(self.latent_sizes[:-1])}; make them equal or give each merge its own network."
            )
        height, width, _ = self.image_shape
        if height % 4 or width % 4:
            raise ValueError(
                f"images must have sides divisible by 4, got {height}x{width}; crop or resize them."
            )
        super().__post_init__()

    @override
    def setup(self) -> None:
        channels, levels = self.image_shape[-1], len(self.widths)
        sizes = stage_sizes(self.image_shape[:2], levels)
        self.bottleneck = (*sizes[-1], self.widths[-1])
        self.stages = [Conv(width, self.layout) for width in self.widths]
        self.stage_norms = [self._norm(self.layout.channel_axis) for _ in self.widths]
        self.heads = [Dense(2 * size, self.layout) for size in self.latent_sizes]

        self.top = [Dense(self.hidden, self.layout, use_bias=False) for _ in range(3)]
        self.top_norms = [self._norm() for _ in range(3)]
        self.merges = [
            Dense(self.hidden, self.layout) for _ in range(1 if self.shared_merge else levels - 1)
        ][: levels - 1]

        self.expand = Dense(math.prod(self.bottleneck), self.layout, use_bias=False)
        self.expand_norm = self._norm()
        self.unstages = mirrored(self.widths, sizes, self.layout)
        self.unstage_norms = [self._norm(self.layout.channel_axis) for _ in self.unstages]
        self.to_logits = ConvTranspose(channels, sizes[0], self.layout, use_bias=True)
        if self.learned_scale:
            self.log_scale = self.param("log_scale", nn.initializers.zeros, ())

    def _norm(self, channel_axis: int = -1) -> NormAct:
        return NormAct(channel_axis, axis_name=self.axis_name)

    @override
    def _encode(self, image: Float[Array, "n h w c"], train: bool) -> tuple[Posterior, ...]:
        h = self.layout.enter(image)
        posteriors = []
        for stage, norm, head in zip(self.stages, self.stage_norms, self.heads, strict=True):
            h = norm(stage(h), train)
            mean, raw = jnp.split(head(h), 2, axis=-1)
            posteriors.append(Posterior(mean, nn.sigmoid(raw) + MIN_STDDEV))
        return tuple(posteriors)

    @override
    def _decode(self, latents: tuple[Float[Array, "n _"], ...], train: bool) -> Float[Array, "n h w c"]:
        h = latents[-1]
        for dense, norm in zip(self.top, self.top_norms, strict=True):
            h = norm(dense(h), train)
        for number, z in enumerate(reversed(latents[:-1])):
            merge = self.merges[0 if self.shared_merge else number]
            h = nn.relu(merge(jnp.concatenate([h, z], axis=-1)))
        h = self.expand_norm(self.expand(h), train)
        h = unflatten(h, self.bottleneck[:2], self.layout)
        for unstage, norm in zip(self.unstages, self.unstage_norms, strict=True):
            h = norm(unstage(h), train)
        return self.layout.leave(self.to_logits(h))

    @override
    def observation_log_scale(self) -> Float[Array, ""] | None:
        return self.log_scale if self.learned_scale else None
