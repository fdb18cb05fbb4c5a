"""Variational autoencoder of images that are given with their class.

Images are NHWC, float32 in [0, 1]; labels are class numbers, -1 where there is none; the decoder returns logits.
"""

from typing import ClassVar

import jax
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.dropout import Rate, keep
from jaxvae.models.dropout_vae import DropoutVAE
from jaxvae.types import Output, Posterior


class ConditionalVAE(DropoutVAE):
    """A `DropoutVAE` of p(x | y): the label's one-hot vector is appended to what the head sees, and to the code.

    Attributes:
        classes: how many there are.

    References:
        Sohn, Lee & Yan, Learning Structured Output Representation using Deep Conditional Generative Models, NIPS
        2015, section 4.1.
    """

    conditional: ClassVar[bool] = True
    """Its methods take labels."""

    classes: int = 10

    def __post_init__(self) -> None:
        """Refuses what makes no network.

        Raises:
            ValueError: no class, or what a `DropoutVAE` refuses.
        """
        if self.classes < 1:
            raise ValueError(f"a conditional VAE needs at least one class, got {self.classes}.")
        super().__post_init__()

    def encode(
        self, image: Float[Array, "n h w c"], train: bool = False, *, label: Int[Array, " _"] | None = None
    ) -> tuple[Posterior, ...]:
        """q(z | x, y), without dropout.

        Args:
            image: in [0, 1], of the shape that the model was built for.
            train: without effect.
            label: [n], each image's class; -1 is an all-zero vector.

        Returns:
            One posterior for each level.

        Raises:
            ValueError: images of another shape, or not one label for each.
        """
        return self._posteriors(image, keep, self._one_hot(label, len(image)))

    def decode(
        self,
        latents: tuple[Float[Array, "n _"], ...],
        train: bool = False,
        *,
        label: Int[Array, " _"] | None = None,
    ) -> Float[Array, "n h w c"]:
        """Logits of p(x | z, y), without dropout.

        Args:
            latents: one array for each level.
            train: without effect.
            label: [n], each code's class; -1 is an all-zero vector.

        Returns:
            Logits; their sigmoid is the mean image.

        Raises:
            ValueError: latents of another number or size, or not one label for each code.
        """
        return self._logits(latents, keep, self._one_hot(label, len(latents[0]) if latents else 0))

    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
        *,
        label: Int[Array, " _"] | None = None,
        encoder_dropout: Rate | None = None,
        decoder_dropout: Rate | None = None,
    ) -> Output:
        """Encodes, draws a code at every level, and decodes, all given the label, with dropout in training.

        Args:
            key: for the draws and the masks.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, which decides the noise and the masks that it meets.
            train: whether there is dropout.
            label: [n], each image's class; -1 is an all-zero vector.
            encoder_dropout: replaces the model's own rate.
            decoder_dropout: replaces the model's own rate.

        Returns:
            Logits, posteriors and latents.

        Raises:
            ValueError: images of another shape, not one label for each, or a rate outside [0, 1).
        """
        beside = self._one_hot(label, len(image))
        return self._run(key, image, index, train, (encoder_dropout, decoder_dropout), beside)

    def _one_hot(self, label: Int[Array, " _"] | None, n: int) -> Float[Array, "n classes"]:
        if label is None or len(label) != n:
            came = "none" if label is None else len(label)
            raise ValueError(
                f"this model is conditional and needs a label for each of {n} examples, got {came}."
            )
        return jax.nn.one_hot(label, self.classes)
