"""Priors p(z) over latents [n, d]; densities in nats."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


@dataclass(frozen=True, kw_only=True)
class Normal:
    """N(loc, scale) in every dimension; the standard normal unless told otherwise.

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
            raise ValueError(f"A prior needs dim >= 1, got {self.dim}.")
        if not math.isfinite(self.loc):
            raise ValueError(f"loc must be finite, got {self.loc}.")
        if not 0 < self.scale < math.inf:
            raise ValueError(f"scale must be positive and finite, got {self.scale}.")

    @property
    def normal_parameters(self) -> tuple[float, float]:
        """(loc, scale); that it is here tells losses that their closed forms apply."""
        return self.loc, self.scale

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        """Draws n points.

        Args:
            key: source of randomness.
            n: how many points.

        Returns:
            [n, dim].
        """
        return self.loc + self.scale * jax.random.normal(key, (n, self.dim))

    def log_prob(self, z: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Log density.

        Args:
            z: [n, dim].

        Returns:
            [n], nats summed over dimensions.

        Raises:
            ValueError: the points have another number of dimensions.
        """
        if z.shape[1] != self.dim:
            raise ValueError(f"This prior has {self.dim} dimensions, got points of {z.shape[1]}.")
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
