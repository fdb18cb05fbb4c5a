"""The flags of `aae`."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.vae_gan_hybrids.aae_rows import ROWS
from jaxvae import cli, losses


@dataclass(frozen=True, kw_only=True)
class AAEConfig(cli.RunConfig):
    """Flags of the adversarial autoencoder; those of networks and losses are those of every row that has such."""

    workdir: Path = Path("runs/vae_gan_hybrids_aae")
    """Directory for everything that the run leaves."""

    rows: tuple[str, ...] = tuple(ROWS)
    """What to train, by name."""

    epochs: int = 16
    """Passes over the training data."""

    batch_size: int = 100
    """Examples in a batch, over all devices."""

    seeds: int = 3
    """How many seeds to train side by side."""

    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of the encoder's convolutions, each of which halves the image; the decoder mirrors them."""

    hidden: tuple[int, ...] = (256, 256)
    """Sizes of the discriminator's hidden layers."""

    gaussian: bool = False
    """Give the adversarial autoencoders a Gaussian encoder, as the VAEs have one, in place of a deterministic one."""

    game: Literal["minimax", "non_saturating", "least_squares", "hinge", "wasserstein"] = "non_saturating"
    """Losses of the discriminator and of the encoder that deceives it."""

    smoothing: float = 0.0
    """What the discriminator's target for draws from the prior lacks of 1."""

    penalty: float = 0.0
    """Weight of the discriminator's gradient penalty; "wasserstein" needs one, such as 10."""

    learning_rate: float = 1e-3
    """Step size of encoder and decoder at the start, which falls along a half cosine."""

    discriminator_rate: float = 3e-3
    """Step size of the discriminator at the start, which falls likewise."""

    regularization_rate: float = 5e-4
    """Step size of the encoder against the discriminator at the start, which falls likewise; large ones cost
    reconstruction. Three times as large for the ring and the roll, six times for the rows with labels."""

    unlabelled: float = 0.0
    """Share of the training images whose labels are hidden from the rows with labels."""

    classifier_epochs: int = 5
    """Passes over the training data for the classifier that tells digits apart."""

    samples: int = 10_000
    """Images drawn from each model for its classifier FID and for the labels of its modes."""

    def __post_init__(self) -> None:
        """Refuses rows that there are not, and numbers that make no run."""
        super().__post_init__()
        self.require_known("rows", ROWS)
        losses.adversarial(self.game, smoothing=self.smoothing)
        self.require_positive("learning_rate", "discriminator_rate", "regularization_rate")
        if not 0 <= self.penalty < math.inf or (self.game == "wasserstein" and not self.penalty):
            raise ValueError(
                f"penalty must be finite, at least 0, and more than 0 for wasserstein, got {self.penalty}."
            )
        if not 0 <= self.unlabelled < 1:
            raise ValueError(f"the share of unlabelled images must be in [0, 1), got {self.unlabelled}.")
        if self.samples < 2 or self.classifier_epochs < 1:
            raise ValueError(
                "there must be at least 2 samples and 1 classifier epoch, "
                f"got {self.samples} and {self.classifier_epochs}."
            )


PRESETS = {
    "full": AAEConfig,
    "smoke": lambda: AAEConfig(
        preset="smoke",
        workdir=Path("runs/vae_gan_hybrids_aae_smoke"),
        data="drawn",
        image_size=16,
        rows=("VAE, ring", "AAE, ring", "AAE, Swiss roll, labels"),
        epochs=80,
        batch_size=60,
        seeds=1,
        widths=(8, 16),
        hidden=(64, 64),
        classifier_epochs=20,
        samples=120,
    ),
}
