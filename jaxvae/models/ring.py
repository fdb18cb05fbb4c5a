"""A ring of Gaussians in the plane; densities in nats."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.priors import LabelledPrior


@dataclass(frozen=True, kw_only=True)
class Ring(LabelledPrior):
    """Equal mixture of Gaussians in the plane, their means evenly spread on a circle, each mode one class.

    A mode's axes point along and across its radius; the first lies on the positive first axis, the others follow
    counterclockwise.

    Attributes:
        classes: number of modes, at least 1.
        radius: of the circle, positive.
        along: standard deviation of a mode along its radius, positive.
        across: standard deviation of a mode across its radius, positive.

    Raises:
        ValueError: no mode, or a length that is not positive and finite.

    References:
        Makhzani et al., Adversarial Autoencoders, ICLR 2016 workshop, section 2.3 and figure 4.
    """

    classes: int = 10
    radius: float = 4.0
    along: float = 1.0
    across: float = 0.4

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise ValueError(f"a ring needs at least one mode, got {self.classes}.")
        lengths = self.radius, self.along, self.across
        if not all(0 < length < math.inf for length in lengths):
            raise ValueError(f"radius, along and across must be positive and finite, got {lengths}.")

    @override
    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n 2"]:
        return self.sample_class(key, jnp.full(n, -1))

    @override
    def sample_class(self, key: Key[Array, ""], label: Int[Array, " n"]) -> Float[Array, "n 2"]:
        mode_key, noise_key = jax.random.split(key)
        any_mode = jax.random.randint(mode_key, label.shape, 0, self.classes)
        angle = 2 * math.pi / self.classes * jnp.where(label < 0, any_mode, label).astype(jnp.float32)
        noise = jax.random.normal(noise_key, (len(label), 2))
        outward, sideward = self.radius + self.along * noise[:, 0], self.across * noise[:, 1]
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        return jnp.stack([outward * cos - sideward * sin, outward * sin + sideward * cos], axis=1)

    @override
    def log_prob(self, z: Float[Array, "n 2"]) -> Float[Array, " n"]:
        return jax.nn.logsumexp(self._log_prob_by_mode(z), axis=1) - math.log(self.classes)

    @override
    def class_of(self, z: Float[Array, "n 2"]) -> Int[Array, " n"]:
        """The most probable mode of each code."""
        return jnp.argmax(self._log_prob_by_mode(z), axis=1)

    def _log_prob_by_mode(self, z: Float[Array, "n 2"]) -> Float[Array, "n classes"]:
        angle = 2 * math.pi / self.classes * np.arange(self.classes)[None]
        cos, sin = jnp.asarray(np.cos(angle), z.dtype), jnp.asarray(np.sin(angle), z.dtype)
        x, y = z[:, :1], z[:, 1:]
        outward = (x * cos + y * sin - self.radius) / self.along
        sideward = (y * cos - x * sin) / self.across
        scale = math.log(2 * math.pi * self.along * self.across)
        return -0.5 * (jnp.square(outward) + jnp.square(sideward)) - scale
