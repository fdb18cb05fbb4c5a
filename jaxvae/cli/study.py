"""The flags of experiments whose models are measured: by their samples, by a classifier, and by Inception."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaxvae.cli.config import RunConfig
from jaxvae.cli.free import free


@dataclass(frozen=True, kw_only=True)
class SamplesConfig(RunConfig):
    """Flags of how samples of trained models are measured, beside those that every experiment has."""

    samples: int = free(10_000)
    """Images drawn from each model for distances of sets, against as many real ones, if there are."""

    fid: bool = free(True)
    """Compute FID, which needs the weights of Inception."""

    inception: Path | None = free(None)
    """File with Inception's weights; looked for in the usual places if not given."""

    resize: Literal["bilinear", "clean"] = free("bilinear")
    """How images come to Inception's 299 x 299."""

    def __post_init__(self) -> None:
        """Refuses numbers that measure nothing.

        Raises:
            ValueError: as `RunConfig`, or a single sample.
        """
        super().__post_init__()
        if self.samples < 2:
            raise ValueError(f"a Fréchet distance needs at least 2 samples, got {self.samples}.")


@dataclass(frozen=True, kw_only=True)
class StudyConfig(SamplesConfig):
    """Flags of the classifier that measures models, and of their bounds."""

    classifier_epochs: int = 5
    """Passes over the training data for a classifier."""

    bound_samples: int = free(500)
    """Draws from the posterior for each image in the importance-weighted bound."""

    def __post_init__(self) -> None:
        """Refuses numbers that measure nothing.

        Raises:
            ValueError: as `SamplesConfig`, or a count below 1.
        """
        super().__post_init__()
        self.require_at_least(1, "classifier_epochs", "bound_samples")
