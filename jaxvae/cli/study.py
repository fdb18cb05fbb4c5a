"""The flags of experiments whose models are measured by a classifier and by Inception."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaxvae.cli.config import RunConfig


@dataclass(frozen=True, kw_only=True)
class StudyConfig(RunConfig):
    """Flags of how trained models are measured, beside those that every experiment has."""

    classifier_epochs: int = 5
    """Passes over the training data for a classifier."""

    samples: int = 10_000
    """Images drawn from each model for Fréchet distances, against as many validation images, if there are."""

    bound_samples: int = 500
    """Draws from the posterior for each image in the importance-weighted bound."""

    fid: bool = True
    """Compute FID, which needs the weights of Inception; the classifier's distance is computed anyway."""

    inception: Path | None = None
    """File with Inception's weights; looked for in the usual places if not given."""

    resize: Literal["bilinear", "clean"] = "bilinear"
    """How images come to Inception's 299 x 299."""

    def __post_init__(self) -> None:
        """Refuses numbers that measure nothing.

        Raises:
            ValueError: as `RunConfig`, a count below 1, or a single sample.
        """
        super().__post_init__()
        for name in ("classifier_epochs", "bound_samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.samples < 2:
            raise ValueError(f"a Fréchet distance needs at least 2 samples, got {self.samples}.")
