"""What the VAE-GAN is compared in: the models that it joins, each with attributes and without."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """What sets a model apart; the networks are the same for all.

    Attributes:
        kind: "vae", "gan" or "vaegan".
        conditional: whether encoder, decoder and discriminator are given the attributes.
        note: what a reader has to know.
    """

    kind: str
    conditional: bool = False
    note: str = ""

    @property
    def program(self) -> str:
        """Name of the directory that its training lives in."""
        return "_".join([self.kind, *(["attributes"] if self.conditional else [])])


ROWS: Mapping[str, Row] = {
    "VAE": Row(kind="vae", note="Bernoulli likelihood of pixels in place of the discriminator."),
    "GAN": Row(
        kind="gan", note="The encoder learns the prior alone, so that all that is decoded is drawn from it."
    ),
    "VAE-GAN": Row(kind="vaegan"),
    "VAE, attributes": Row(kind="vae", conditional=True),
    "GAN, attributes": Row(kind="gan", conditional=True),
    "VAE-GAN, attributes": Row(kind="vaegan", conditional=True),
}
