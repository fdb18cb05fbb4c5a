"""Variational autoencoder whose code has one part for a label and one for everything else.

Images are NHWC, float32 in [0, 1]; the decoder returns logits.
"""

from collections.abc import Callable
from dataclasses import replace

from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.autoencoder import Autoencoder
from jaxvae.models.dropout_vae import DropoutVAE
from jaxvae.models.initialization import initialization
from jaxvae.models.layers import Dense
from jaxvae.types import Output, Posterior


class SubspaceVAE(DropoutVAE):
    """A `DropoutVAE` of two levels side by side, w and z, whose output has the label's logits, linear in w.

    Keeping the label out of z is left to the loss.

    Attributes:
        latent_sizes: sizes of w, level 1, and z, level 2.
        classes: number of values of the label.

    Raises:
        ValueError: not two levels, fewer than two classes, or whatever a `DropoutVAE` rejects.

    References:
        Klys, Snell & Zemel, Learning Latent Subspaces in Variational Autoencoders, NeurIPS 2018, section 3.
    """

    latent_sizes: tuple[int, ...] = (2, 8)
    classes: int = 2

    def __post_init__(self) -> None:
        if len(self.latent_sizes) != 2 or self.classes < 2:
            raise ValueError(
                f"a subspace VAE needs two levels, w and z, and at least two classes, got latent sizes "
                f"{tuple(self.latent_sizes)} and {self.classes} classes."
            )
        super().__post_init__()

    @override
    def setup(self) -> None:
        super().setup()
        self.label_head = Dense(self.classes, self.layout, initialization=initialization(self.initialization))

    def classify(self, w: Float[Array, "n d"]) -> Float[Array, "n classes"]:
        """Logits of p(y | w).

        Args:
            w: codes of level 1.

        Returns:
            One unbounded number for each class; their softmax is the probability.

        Raises:
            ValueError: codes of another size.
        """
        if w.shape[-1] != self.latent_sizes[0]:
            raise ValueError(f"this model's w has size {self.latent_sizes[0]}, got codes of {w.shape[-1]}.")
        return self.label_head(w)

    @override
    def _output(
        self,
        key: Key[Array, ""],
        index: Int[Array, " n"],
        posteriors: tuple[Posterior, ...],
        decode: Callable[[Autoencoder, tuple[Array, ...]], Array],
    ) -> Output:
        output = super()._output(key, index, posteriors, decode)
        return replace(output, label_logits=self.classify(output.latents[0]))
