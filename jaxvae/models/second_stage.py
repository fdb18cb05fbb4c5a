"""A variational autoencoder of another one's codes, whose samples are codes that the first one's encoder would give.

Codes are [n, d]. There are no images here.
"""

from collections.abc import Sequence
from dataclasses import field

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxvae.models.layers import Dense
from jaxvae.models.layouts import Layout, layout
from jaxvae.types import Posterior


class SecondStage(nn.Module):
    """Dense layers to a Gaussian code as long as the first, and back, with noise of a learned size.

    The last layer on either side also sees the first one's input.

    Attributes:
        size: of the first code, and of the second.
        hidden: width of each hidden layer.
        depth: how many hidden layers there are on either side.
        layout: precision of products; by platform if not given.

    References:
        Dai & Wipf, Diagnosing and Enhancing VAE Models, ICLR 2019, section 4 and appendix.
    """

    size: int
    hidden: int = 512
    depth: int = 3
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        """Refuses sizes that make no network.

        Raises:
            ValueError: a size that is not positive.
        """
        if min(self.size, self.hidden, self.depth) < 1:
            raise ValueError(
                f"sizes must be at least 1, got size {self.size}, hidden {self.hidden}, depth {self.depth}."
            )
        super().__post_init__()

    def setup(self) -> None:
        """Builds the layers."""
        self.down, self.up = ([Dense(self.hidden, self.layout) for _ in range(self.depth)] for _ in range(2))
        self.head = Dense(2 * self.size, self.layout)
        self.to_mean = Dense(self.size, self.layout)
        # Less than the codes' spread, or the way out of a posterior that says nothing is long.
        self.log_scale = self.param("log_scale", nn.initializers.constant(-1.0), ())

    def encode(self, z: Float[Array, "n d"]) -> Posterior:
        """q(u | z).

        Args:
            z: first codes.

        Returns:
            The posterior of the second code; its network puts out mean and log variance.
        """
        mean, log_variance = jnp.split(self.head(_through(self.down, z)), 2, axis=-1)
        return Posterior(mean, jnp.exp(log_variance / 2))

    def decode(self, u: Float[Array, "n d"]) -> tuple[Float[Array, "n d"], Float[Array, ""]]:
        """p(z | u), a Gaussian with one standard deviation for all dimensions.

        Args:
            u: second codes.

        Returns:
            Its mean, and the logarithm of its standard deviation.
        """
        return self.to_mean(_through(self.up, u)), self.log_scale

    def __call__(
        self, z: Float[Array, "n d"], noise: Float[Array, "n d"]
    ) -> tuple[Posterior, Float[Array, "n d"], Float[Array, ""]]:
        """Encodes, draws a second code, and decodes.

        Args:
            z: first codes.
            noise: N(0, I), of z's shape.

        Returns:
            q(u | z), and mean and log standard deviation of p(z | u).
        """
        q = self.encode(z)
        return q, *self.decode(q.mean + q.stddev * noise)


def _through(layers: Sequence[Dense], x: Float[Array, "n d"]) -> Float[Array, "n o"]:
    h = x
    for layer in layers:
        h = nn.relu(layer(h))
    return jnp.concatenate([h, x], axis=-1)
