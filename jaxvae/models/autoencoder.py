"""What all variational autoencoders have in common.

Images are NHWC, float32 in [0, 1]; decoders return logits. A code is a tuple of latents [n, d], one for each level,
bottom level first.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import jax
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.network import Network
from jaxvae.models.posterior import reparameterize_levels
from jaxvae.models.priors import Normal, Samplable
from jaxvae.models.remat import part
from jaxvae.models.stages import check_shape
from jaxvae.types import Output, Posterior

Labels: TypeAlias = Int[Array, " _"] | Float[Array, "_ _"]
"""Class numbers [n], -1 where unknown, or attributes [n, attributes] from 0 to 1."""


class Autoencoder(Network):
    """Encoder, a draw from the posterior of each level, and decoder.

    A family defines `_encode` and `_decode`, which get images and latents of the right shape only. One whose methods
    take a label also defines `label_field` and `label_size`; `_encode` and `_decode` then get the label as a further
    positional argument, a vector [n, label_size] for each example: classes one-hot (all zeros for -1), attributes as
    they are.

    Attributes:
        image_shape: (height, width, channels).
    """

    @property
    @abstractmethod
    def latent_sizes(self) -> tuple[int, ...]:
        """Size of each level's latent, bottom level first."""

    @property
    def priors(self) -> tuple[Samplable, ...]:
        """Prior of each level, bottom level first: N(0, I) unless the family has another."""
        return tuple(Normal(dim=size) for size in self.latent_sizes)

    def encode(
        self, image: Float[Array, "n h w c"], train: bool = False, *, label: Labels | None = None
    ) -> tuple[Posterior, ...]:
        """The posterior q(z | x), or q(z | x, y) of a model that takes a label.

        Args:
            image: in [0, 1], of the shape that the model was built for.
            train: whether BatchNorm uses the batch's statistics.
            label: of the images, if the model takes one (`label_field`): [n], or [n, attributes].

        Returns:
            One posterior for each level, bottom level first.

        Raises:
            ValueError: images or a label of another shape, or a label for a model that takes none.
        """
        return self._encode(image, train, *self._checked(image, label))

    def decode(
        self, latents: tuple[Float[Array, "n _"], ...], train: bool = False, *, label: Labels | None = None
    ) -> Float[Array, "n h w c"]:
        """Logits of p(x | z), or of p(x | z, y) for a model that takes a label.

        Args:
            latents: one array for each level, bottom level first.
            train: whether BatchNorm uses the batch's statistics.
            label: of the images to decode, if the model takes one (`label_field`): [n], or [n, attributes].

        Returns:
            Logits; their sigmoid is the mean image.

        Raises:
            ValueError: latents of another number or size, a label of another shape, or a label for a model that takes
                none.
        """
        expected, sizes = tuple(self.latent_sizes), tuple(z.shape[-1] for z in latents)
        if sizes != expected:
            raise ValueError(f"this model takes one latent for each level, of sizes {expected}, got {sizes}.")
        return self._decode(latents, train, *self._condition(label, len(latents[0])))

    @override
    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
        *,
        label: Labels | None = None,
    ) -> Output:
        """Encodes, draws a latent at every level, and decodes.

        Args:
            key: source of randomness.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, which decides its noise.
            train: whether the layers behave as in training, such as BatchNorm, which then uses the batch's statistics.
            label: of the images, if the model takes one (`label_field`): [n], or [n, attributes].

        Returns:
            Logits, posteriors and latents, and what else the family has for loss terms.

        Raises:
            ValueError: images or a label of another shape, or a label for a model that takes none.
        """
        return self._run(key, image, index, train, *self._checked(image, label))

    def observation_log_scale(self) -> Float[Array, ""] | None:
        """Learned log standard deviation of the observation noise; None if the model has none."""
        return None

    @abstractmethod
    def _encode(self, image: Float[Array, "n h w c"], train: bool) -> tuple[Posterior, ...]:
        """One posterior for each level, bottom level first."""

    @abstractmethod
    def _decode(self, latents: tuple[Float[Array, "n _"], ...], train: bool) -> Float[Array, "n h w c"]:
        """Logits of the images."""

    def _run(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool,
        *condition: Float[Array, "n _"],
    ) -> Output:
        posteriors = part(self, lambda own, image: own._encode(image, train, *condition), image)
        return self._output(key, index, posteriors, lambda own, z: own._decode(z, train, *condition))

    def _output(
        self,
        key: Key[Array, ""],
        index: Int[Array, " n"],
        posteriors: tuple[Posterior, ...],
        decode: Callable[["Autoencoder", tuple[Array, ...]], Array],
    ) -> Output:
        with jax.named_scope("latents"):
            latents = reparameterize_levels(key, posteriors, index)
        return Output(part(self, decode, latents), posteriors, latents, self.observation_log_scale())

    def _checked(
        self, image: Float[Array, "n h w c"], label: Labels | None
    ) -> tuple[Float[Array, "n _"], ...]:
        check_shape(image, self.image_shape)
        return self._condition(label, len(image))

    def _condition(self, label: Labels | None, n: int) -> tuple[Float[Array, "{n} _"], ...]:
        """The label as vectors, as `_encode` and `_decode` take it; empty for a model that takes none."""
        if self.label_field is None:
            if label is not None:
                raise ValueError("this model is not conditional and takes no labels; leave them out.")
            return ()
        classes = self.label_field == "label"
        expected = (n,) if classes else (n, self.label_size)
        if label is None or label.shape != expected:
            kind, got = "class numbers" if classes else "attributes", None if label is None else label.shape
            raise ValueError(f"this model takes {kind} of shape {expected}, got {got}.")
        return (jax.nn.one_hot(label, self.label_size) if classes else label,)


class OneLevelAutoencoder(Autoencoder):
    """An autoencoder whose code is a single latent.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
    """

    latent_size: int

    @property
    @override
    def latent_sizes(self) -> tuple[int, ...]:
        return (self.latent_size,)
