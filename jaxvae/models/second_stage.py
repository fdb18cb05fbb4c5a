"""A variational autoencoder of another one's codes; its samples are distributed like those codes.

Codes are [n, d].
"""

from collections.abc import Sequence
from dataclasses import field

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float
from typing_extensions import override

from jaxvae.models.layers import Dense
from jaxvae.models.layouts import Layout, layout
from jaxvae.types import Posterior


class SecondStage(nn.Module):
    """Dense layers to a second Gaussian code of the same size, and back, with noise of a learned scale.

    The last layer of the encoder also gets the encoder's input, that of the decoder the decoder's.

    Attributes:
        size: of both codes.
        hidden: width of each hidden layer.
        depth: number of hidden layers of the encoder, and of the decoder.
        layout: precision of products; by platform if not given.

    Raises:
        ValueError: a size that is not positive.

    References:
        Dai & Wipf, Diagnosing and Enhancing VAE Models, ICLR 2019, section 4 and appendix.
    """

    size: int
    hidden: int = 512
    depth: int = 3
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        if min(self.size, self.hidden, self.depth) < 1:
            raise ValueError(
                f"sizes must be at least 1, got size {self.size}, hidden {self.hidden}, depth {self.depth}."
            )
        super().__post_init__()

    @override
    def setup(self) -> None:
        self.down, self.up = ([Dense(self.hidden, self.layout) for _ in range(self.depth)] for _ in range(2))
        self.head = Dense(2 * self.size, self.layout)
        self.to_mean = Dense(self.size, self.layout)
        # Below the codes' spread: starting at it, training would take long to leave a collapsed posterior.
        self.log_scale = self.param("log_scale", nn.initializers.constant(-1.0), ())

    def encode(self, z: Float[Array, "n d"]) -> Posterior:
        """q(u | z).

        Args:
            z: first codes.

        Returns:
            The posterior of the second code; the network returns its mean and log variance.
        """
        mean, log_variance = jnp.split(self.head(_through(self.down, z)), 2, axis=-1)
        return Posterior(mean, jnp.exp(log_variance / 2))

    def decode(self, u: Float[Array, "n d"]) -> tuple[Float[Array, "n d"], Float[Array, ""]]:
        """p(z | u), a Gaussian with the same standard deviation in all dimensions.

        Args:
            u: second codes.

        Returns:
            Mean, and logarithm of the standard deviation.
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
