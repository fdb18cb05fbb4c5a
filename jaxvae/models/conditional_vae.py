"""Variational autoencoder of images, conditional on their class.

Images are NHWC, float32 in [0, 1]; labels are class numbers, -1 where unknown; the decoder returns logits.
"""

from typing_extensions import override

from jaxvae.models.dropout_vae import DropoutVAE
from jaxvae.types import LabelField


class ConditionalVAE(DropoutVAE):
    """A `DropoutVAE` of p(x | y): the label's one-hot vector is appended to the input of the head and to the code.

    The vector of an unknown label, -1, is all zeros.

    Attributes:
        classes: number of classes.

    Raises:
        ValueError: no class, or whatever a `DropoutVAE` rejects.

    References:
        Sohn, Lee & Yan, Learning Structured Output Representation using Deep Conditional Generative Models, NIPS
        2015, section 4.1.
    """

    classes: int = 10

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise ValueError(f"a conditional VAE needs at least one class, got {self.classes}.")
        super().__post_init__()

    @property
    @override
    def label_field(self) -> LabelField:
        return "label"

    @property
    @override
    def label_size(self) -> int:
        return self.classes
