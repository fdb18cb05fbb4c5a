"""What the adversarial autoencoder is compared in: priors, the VAE beside it, and labels."""

from collections.abc import Mapping
from dataclasses import dataclass

PRIORS = {"normal": "Gaussian", "ring": "ring", "swiss_roll": "Swiss roll"}
"""What priors are called."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What sets a model apart.

    Attributes:
        prior: of its codes, a name in `PRIORS`.
        adversarial: whether a discriminator brings the codes to the prior, or else the KL divergence.
        informed: whether the discriminator is told labels, so that each class gets its part of the prior.
        rate_factor: step size of the encoder against the discriminator, in those of the Gaussian prior. A prior with
            gaps pulls codes apart that reconstruction keeps together, and labels ask for an arrangement that
            reconstruction does not help to find.
        note: what a reader has to know.
    """

    prior: str
    adversarial: bool
    informed: bool = False
    rate_factor: float = 1.0
    note: str = ""

    @property
    def program(self) -> str:
        """Name of the directory that its training lives in."""
        return "_".join(
            ["aae" if self.adversarial else "vae", self.prior, *(["labels"] if self.informed else [])]
        )


ROWS: Mapping[str, Row] = {
    "VAE, Gaussian": Row(prior="normal", adversarial=False, note="KL divergence in closed form."),
    "AAE, Gaussian": Row(prior="normal", adversarial=True),
    "VAE, ring": Row(prior="ring", adversarial=False, note="KL divergence by Monte Carlo."),
    "AAE, ring": Row(prior="ring", adversarial=True, rate_factor=3.0),
    "VAE, Swiss roll": Row(prior="swiss_roll", adversarial=False, note="KL divergence by Monte Carlo."),
    "AAE, Swiss roll": Row(prior="swiss_roll", adversarial=True, rate_factor=3.0),
    "AAE, ring, labels": Row(
        prior="ring",
        adversarial=True,
        informed=True,
        rate_factor=6.0,
        note="Each mode is asked to be one class.",
    ),
    "AAE, Swiss roll, labels": Row(
        prior="swiss_roll",
        adversarial=True,
        informed=True,
        rate_factor=6.0,
        note="Each stretch is asked to be one class.",
    ),
}
