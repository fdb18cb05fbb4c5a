"""The Swiss roll in the plane; densities in nats."""

import math
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.priors import LabelledPrior

_TABLE = 4097


@dataclass(frozen=True, kw_only=True)
class SwissRoll(LabelledPrior):
    """Uniform by arc length along an Archimedean spiral, plus isotropic Gaussian noise.

    The roll is divided into stretches of equal length, numbered from the inside outwards, one for each class.

    Attributes:
        classes: number of stretches, at least 1.
        radius: distance of the outer end from the origin, positive.
        turns: windings of the spiral if it began at the origin, positive; neighbouring turns are radius / turns
            apart.
        start: where the roll begins, as a share of the radius, in [0, 1).
        thickness: standard deviation of the noise in each dimension, positive.

    Raises:
        ValueError: an attribute out of its range.

    References:
        Makhzani et al., Adversarial Autoencoders, ICLR 2016 workshop, section 2.3 and figure 5.
    """

    classes: int = 10
    radius: float = 5.0
    turns: float = 2.0
    start: float = 0.2
    thickness: float = 0.15

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise ValueError(f"a Swiss roll needs at least one stretch, got {self.classes}.")
        lengths = self.radius, self.turns, self.thickness
        if not all(0 < length < math.inf for length in lengths):
            raise ValueError(f"radius, turns and thickness must be positive and finite, got {lengths}.")
        if not 0 <= self.start < 1:
            raise ValueError(f"the roll's start must be in [0, 1), got {self.start}.")

    @property
    def length(self) -> float:
        """Arc length of the roll."""
        return float(self._arc[-1])

    def axis(self, share: Float[Array, " n"]) -> Float[Array, "n 2"]:
        """Points on the roll's axis, without noise.

        Args:
            share: [n], distance from the inner end as a share of the roll's length, in [0, 1].

        Returns:
            [n, 2].
        """
        arc, angle = (jnp.asarray(table, share.dtype) for table in (self._arc / self._arc[-1], self._angles))
        theta = jnp.interp(share, arc, angle)
        return (self._pitch * theta)[:, None] * jnp.stack([jnp.cos(theta), jnp.sin(theta)], axis=1)

    @override
    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n 2"]:
        return self.sample_class(key, jnp.full(n, -1))

    @override
    def sample_class(self, key: Key[Array, ""], label: Int[Array, " n"]) -> Float[Array, "n 2"]:
        place_key, noise_key = jax.random.split(key)
        place = jax.random.uniform(place_key, label.shape)
        share = jnp.where(label < 0, place, (label.astype(jnp.float32) + place) / self.classes)
        return self.axis(share) + self.thickness * jax.random.normal(noise_key, (len(label), 2))

    @override
    def log_prob(self, z: Float[Array, "n 2"]) -> Float[Array, " n"]:
        """Log density: that of the noise, integrated along the arc; finite everywhere.

        Two-point Gaussian quadrature on pieces of half the thickness; a midpoint rule with as many nodes has far
        larger errors beyond the ends.
        """
        exponent = -0.5 * self._squared_distances(z) / self.thickness**2
        scale = math.log(2 * math.pi * self.thickness**2)
        return jax.nn.logsumexp(exponent, axis=1) - scale - math.log(exponent.shape[1])

    @override
    def class_of(self, z: Float[Array, "n 2"]) -> Int[Array, " n"]:
        """The stretch nearest to each code."""
        squared = self._squared_distances(z)
        return jnp.argmin(squared, axis=1) * self.classes // squared.shape[1]

    def _squared_distances(self, z: Float[Array, "n 2"]) -> Float[Array, "n k"]:
        """To two quadrature nodes per piece; the pieces are equal, and every stretch has equally many."""
        pieces = self.classes * math.ceil(2 * self.length / self.thickness / self.classes)
        middles, offset = (np.arange(pieces) + 0.5) / pieces, 0.5 / math.sqrt(3) / pieces
        nodes = self.axis(
            jnp.asarray(np.stack([middles - offset, middles + offset], axis=1).ravel(), z.dtype)
        )
        x, y = (z[:, i, None] - nodes[None, :, i] for i in (0, 1))
        return jnp.square(x) + jnp.square(y)

    @property
    def _pitch(self) -> float:
        """Growth of the radius per radian."""
        return self.radius / (2 * math.pi * self.turns)

    @cached_property
    def _angles(self) -> np.ndarray:
        return np.linspace(self.start, 1, _TABLE) * 2 * math.pi * self.turns

    @cached_property
    def _arc(self) -> np.ndarray:
        """Arc length from the inner end to each of the angles."""
        theta = self._angles
        whole = self._pitch / 2 * (theta * np.sqrt(1 + theta**2) + np.arcsinh(theta))
        return whole - whole[0]
