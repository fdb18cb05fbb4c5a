"""Priors p(z) over latents [n, d], and what is asked of them; densities in nats."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.types import Prior


@runtime_checkable
class Samplable(Protocol):
    """A distribution that can be sampled, which is all that a discriminator needs of a prior."""

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        """Draws codes.

        Args:
            key: source of randomness.
            n: how many codes.

        Returns:
            [n, d].
        """
        ...


@runtime_checkable
class LabelledPrior(Prior, Protocol):
    """A prior that is divided into parts, one for each class."""

    @property
    def classes(self) -> int:
        """Number of parts."""
        ...

    def sample_class(self, key: Key[Array, ""], label: Int[Array, " n"]) -> Float[Array, "n d"]:
        """Draws a code from each label's part.

        Args:
            key: source of randomness.
            label: [n], numbers of parts; -1 for the whole prior.

        Returns:
            [n, d].
        """
        ...

    def class_of(self, z: Float[Array, "n d"]) -> Int[Array, " n"]:
        """The part that each code belongs to.

        Args:
            z: [n, d].

        Returns:
            [n], numbers of parts.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Normal(Prior):
    """N(loc, scale) in every dimension, by default the standard normal.

    Attributes:
        dim: number of dimensions d, at least 1.
        loc: mean.
        scale: standard deviation, positive.

    Raises:
        ValueError: dim is below 1, loc is not finite, or scale is not positive and finite.
    """

    dim: int
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise ValueError(f"a prior needs dim >= 1, got {self.dim}.")
        if not math.isfinite(self.loc):
            raise ValueError(f"loc must be finite, got {self.loc}.")
        if not 0 < self.scale < math.inf:
            raise ValueError(f"scale must be positive and finite, got {self.scale}.")

    @property
    def normal_parameters(self) -> tuple[float, float]:
        """(loc, scale); losses use their closed forms for priors that have this property."""
        return self.loc, self.scale

    @override
    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        return self.loc + self.scale * jax.random.normal(key, (n, self.dim))

    @override
    def log_prob(self, z: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Log density.

        Raises:
            ValueError: codes of another size.
        """
        if z.shape[1] != self.dim:
            raise ValueError(f"this prior has {self.dim} dimensions, got codes of {z.shape[1]}.")
        error = (z - self.loc) / self.scale
        return -jnp.sum(0.5 * error**2 + math.log(self.scale) + 0.5 * math.log(2 * math.pi), 1)

    def quantile(self, share: Float[Array, "..."]) -> Float[Array, "..."]:
        """Inverse of the cumulative distribution function of one dimension.

        Args:
            share: probabilities in (0, 1), any shape.

        Returns:
            The values below which a draw lies with these probabilities, in latent units.
        """
        return self.loc + self.scale * jax.scipy.special.ndtri(share)
