"""Images of a run's directory, and the flags that choose its model and its sampler."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jaxtyping import Array, Float

from jaxvae import study
from jaxvae.loading import load


@dataclass(frozen=True, kw_only=True)
class DrawConfig:
    """Flags of commands that draw images from a run."""

    variant: str | None = None
    """Which of a run's settings to sample; the last one if not given."""

    seed: int | None = None
    """Which of a run's seeds to sample; the first one if not given."""

    sampler: Literal["prior", "mixture", "second_stage"] = "prior"
    """Where a run's codes are drawn from: its prior, or a mixture of Gaussians or a second autoencoder that is fitted
    to its encoded training set."""

    components: int | None = None
    """How many Gaussians the mixture has (10 if not given)."""

    covariance: Literal["full", "diag"] | None = None
    """Covariances of the mixture: full (if not given), or diag, for codes of several hundred dimensions."""

    compile_cache: bool = True
    """Keep compiled programs in the user's cache directory, so that the next start is faster."""

    def __post_init__(self) -> None:
        """Refuses what makes no sampler.

        Raises:
            ValueError: options of a mixture for another sampler, or no component.
        """
        if self.sampler != "mixture" and (self.components, self.covariance) != (None, None):
            raise ValueError("components and covariance are a mixture's; give --sampler mixture, too.")
        if self.components is not None and self.components < 1:
            raise ValueError(f"components must be at least 1, got {self.components}.")


def draw(path: Path, config: DrawConfig, n: int, *, seed: int = 0) -> Float[Array, "n h w c"]:
    """Draws images from a run, and says on stderr which model they are of.

    Args:
        path: the run's directory.
        config: which of its models, and the sampler.
        n: how many images.
        seed: decides which.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: no such run, or one that draws no such samples.
    """
    run = load(path, variant=config.variant, seed=config.seed)
    if not hasattr(run.model, "decode"):
        raise ValueError(f"{path} holds a {type(run.model).__name__}, which draws no samples.")
    of = "" if config.sampler == "prior" else f", by {config.sampler.replace('_', ' ')}"
    print(f"{path}: samples of {run.variant}, seed {run.seed}{of}", file=sys.stderr)
    given: dict[str, Any] = {"components": config.components, "covariance": config.covariance}
    options = {name: value for name, value in given.items() if value is not None}
    return study.draw_images(run, n, sampler=config.sampler, seed=seed, **options)
