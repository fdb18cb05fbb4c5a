"""What every variational autoencoder does with its encoder and decoder.

Images are NHWC, float32 in [0, 1]; decoders return logits. Codes are tuples of [n, d], one for each level.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import jax
from flax import linen as nn
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.posterior import reparameterize
from jaxvae.types import Output, Posterior


class Autoencoder(nn.Module):
    """Encoder, a draw from the posterior of each level, and decoder."""

    conditional: ClassVar[bool] = False
    """Whether the model's methods also need `label`, [n], the class of each example."""

    @abstractmethod
    def encode(self, image: Float[Array, "n h w c"], train: bool = False) -> tuple[Posterior, ...]:
        """One posterior q(z | x) for each level, bottom first."""

    @abstractmethod
    def decode(
        self, latents: tuple[Float[Array, "n _"], ...], train: bool = False
    ) -> Float[Array, "n h w c"]:
        """Logits of p(x | z)."""

    def observation_log_scale(self) -> Float[Array, ""] | None:
        """Learned log standard deviation of the observation noise; None if the model has none."""
        return None

    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
    ) -> Output:
        """Encodes, draws a code at every level, and decodes.

        Args:
            key: for the draws.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, which decides the noise that it meets.
            train: whether layers behave as in training, such as BatchNorm, which then uses the batch's statistics.

        Returns:
            Logits, posteriors and latents, a log scale if the model has one.
        """
        posteriors = self.encode(image, train)
        return self._output(key, index, posteriors, lambda latents: self.decode(latents, train))

    def _output(
        self,
        key: Key[Array, ""],
        index: Int[Array, " n"],
        posteriors: tuple[Posterior, ...],
        decode: Callable[[tuple[Array, ...]], Array],
    ) -> Output:
        latents = tuple(
            reparameterize(jax.random.fold_in(key, level), q, index) for level, q in enumerate(posteriors)
        )
        return Output(decode(latents), posteriors, latents, self.observation_log_scale())
