"""Hierarchical variational autoencoder: a stack in which each level is a VAE of the codes of the level below.

Images are NHWC, float32 in [0, 1]; the decoder returns logits. Levels are counted from 1, the bottom (nearest to the
image), to L, the top; tuples hold the bottom level first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
from flax import linen as nn
from jax import numpy as jnp
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.autoencoder import Autoencoder
from jaxvae.models.halves import Decoder, Encoder
from jaxvae.models.layers import Dense, NormAct
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.posterior import reparameterize
from jaxvae.models.priors import Normal, Samplable
from jaxvae.models.remat import part
from jaxvae.types import Output, Posterior, Prior

MIN_STDDEV = 1e-3
"""Floor of every standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Noise(Prior):
    """N(0, I) that is not the prior of an independent code, so that a KL divergence from it has no closed form.

    Attributes:
        dim: number of dimensions, at least 1.
    """

    dim: int

    @override
    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        return Normal(dim=self.dim).sample(key, n)

    @override
    def log_prob(self, z: Float[Array, "n d"]) -> Float[Array, " n"]:
        return Normal(dim=self.dim).log_prob(z)


class HierarchicalVAE(Autoencoder):
    """Stack of L levels: p(x | z_1) p(z_1 | z_2) ... p(z_L) and q(z_1 | x) q(z_2 | z_1) ... q(z_L | z_{L-1}).

    All conditionals are diagonal Gaussians. Those between levels have two Dense/ReLU layers; the image's encoder is
    that of a `VLAE`, and its decoder three Dense/BatchNorm/ReLU layers and the mirrored encoder.

    Codes are non-centred: that of level l is e_l = (z_l - mean of p(z_l | z_{l+1})) / its standard deviation, and its
    prior is N(0, I) at every level. Posteriors are those of e_l. Such a map changes no KL divergence, so that
    log q(e_l) - log p(e_l), summed over levels, is the ELBO's. Below the top it has no closed form, since z_{l+1} is
    drawn after z_l and depends on it; `priors` say so, and `jaxvae.losses.kl` of them takes the Monte Carlo estimate.

    Attributes:
        image_shape: (height, width, channels).
        latent_sizes: size of z_1, ..., z_L.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        hidden: width of the decoder's dense layers.
        conditional_hidden: width of the layers between levels.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: no level, no stage, or a size that is not positive.

    References:
        Rezende, Mohamed & Wierstra, Stochastic Backpropagation and Approximate Inference in Deep Generative Models,
        ICML 2014.
        Zhao, Song & Ermon, Learning Hierarchical Features from Generative Models, ICML 2017, section 3.
    """

    image_shape: tuple[int, int, int]
    latent_sizes: tuple[int, ...] = (2, 2, 2)
    widths: tuple[int, ...] = (32, 64, 128)
    hidden: int = 512
    conditional_hidden: int = 256
    axis_name: str | None = None
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        sizes = (*self.image_shape, *self.latent_sizes, *self.widths, self.hidden, self.conditional_hidden)
        if not self.latent_sizes or not self.widths or min(sizes) < 1:
            raise ValueError(
                f"a hierarchical VAE needs a level, a stage and positive sizes, got image shape "
                f"{tuple(self.image_shape)}, latent sizes {tuple(self.latent_sizes)}, widths {tuple(self.widths)}, "
                f"hidden {self.hidden}, conditional_hidden {self.conditional_hidden}."
            )
        super().__post_init__()

    @property
    @override
    def priors(self) -> tuple[Samplable, ...]:
        *below, top = self.latent_sizes
        return (*(Noise(dim=size) for size in below), Normal(dim=top))

    @override
    def setup(self) -> None:
        self.encoder = Encoder(
            2 * self.latent_sizes[0], self.image_shape, self.widths, self.layout, self.axis_name
        )
        width = self.conditional_hidden
        self.inference = [_Conditional(size, width, self.layout) for size in self.latent_sizes[1:]]
        self.generation = [_Conditional(size, width, self.layout) for size in self.latent_sizes[:-1]]
        self.dense = [Dense(self.hidden, self.layout, use_bias=False) for _ in range(3)]
        self.dense_norms = [NormAct(axis_name=self.axis_name) for _ in self.dense]
        self.decoder = Decoder(self.image_shape, self.widths, self.layout, self.axis_name)

    def centred(self, latents: tuple[Float[Array, "n _"], ...]) -> tuple[Float[Array, "n _"], ...]:
        """The latents z_1, ..., z_L that codes stand for.

        Args:
            latents: codes e_1, ..., e_L, [n, d] each, bottom level first.

        Returns:
            z_1, ..., z_L of the same shapes.
        """
        *below, top = latents
        z = [top]
        for conditional, code in zip(reversed(self.generation), reversed(below), strict=True):
            p = conditional(z[0])
            z.insert(0, p.mean + p.stddev * code)
        return tuple(z)

    @override
    def _encode(self, image: Float[Array, "n h w c"], train: bool) -> tuple[Posterior, ...]:
        return self._infer(image, train, lambda level, posterior: posterior.mean)[0]

    @override
    def _decode(self, latents: tuple[Float[Array, "n _"], ...], train: bool) -> Float[Array, "n h w c"]:
        h = self.centred(latents)[0]
        for dense, norm in zip(self.dense, self.dense_norms, strict=True):
            h = norm(dense(h), train)
        return self.decoder(h, train)

    @override
    def _run(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool,
        *condition: Float[Array, "n _"],
    ) -> Output:
        def draw(level: int, posterior: Posterior) -> Float[Array, "n d"]:
            return reparameterize(jax.random.fold_in(key, level), posterior, index)

        posteriors, latents = part(self, lambda own, image: own._infer(image, train, draw), image)
        logits = part(self, lambda own, z: own._decode(z, train), latents)
        return Output(logits, posteriors, latents)

    def _infer(
        self,
        image: Float[Array, "n h w c"],
        train: bool,
        draw: Callable[[int, Posterior], Float[Array, "n d"]],
    ) -> tuple[tuple[Posterior, ...], tuple[Float[Array, "n _"], ...]]:
        """Goes up the stack with a draw at every level: the codes' posteriors, and the codes of the draws."""
        posteriors = [_gaussian(self.encoder(image, train))]
        z = [draw(0, posteriors[0])]
        for level, conditional in enumerate(self.inference, start=1):
            posteriors.append(conditional(z[-1]))
            z.append(draw(level, posteriors[-1]))
        codes = list(z)
        for level, conditional in enumerate(self.generation):
            p, q = conditional(z[level + 1]), posteriors[level]
            posteriors[level] = Posterior((q.mean - p.mean) / p.stddev, q.stddev / p.stddev)
            codes[level] = (z[level] - p.mean) / p.stddev
        return tuple(posteriors), tuple(codes)


class _Conditional(nn.Module):
    size: int
    hidden: int
    layout: Layout

    @nn.compact
    def __call__(self, z: Float[Array, "n _"]) -> Posterior:
        for _ in range(2):
            z = nn.relu(Dense(self.hidden, self.layout)(z))
        return _gaussian(Dense(2 * self.size, self.layout)(z))


def _gaussian(raw: Float[Array, "n _"]) -> Posterior:
    mean, raw_stddev = jnp.split(raw, 2, axis=-1)
    return Posterior(mean, nn.softplus(raw_stddev) + MIN_STDDEV)
