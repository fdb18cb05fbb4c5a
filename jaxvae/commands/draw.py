"""Images drawn from a run, and the flags that choose its model and its sampler."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jaxtyping import Array, Float

from jaxvae import models, study
from jaxvae.loading import load


@dataclass(frozen=True, kw_only=True)
class DrawConfig:
    """Flags of commands that draw images from a run."""

    variant: str | None = None
    """Which of the run's variants to sample; the last one if not given."""

    seed: int | None = None
    """Which of the run's seeds to sample; the first one if not given."""

    sampler: Literal["prior", "mixture", "second_stage"] = "prior"
    """Distribution of the codes: the run's prior, or a mixture of Gaussians or a second-stage autoencoder, fitted to
    its encoded training set."""

    components: int | None = None
    """Number of Gaussians in the mixture (10 if not given)."""

    covariance: Literal["full", "diag"] | None = None
    """Covariances of the mixture: full, or diag (for codes of several hundred dimensions). If not given, full if there
    are at least 10 codes per component and dimension, otherwise diag."""

    compile_cache: bool = True
    """Keep compiled programs in the user's cache directory, for a faster start the next time."""

    def __post_init__(self) -> None:
        """Checks the options of the sampler.

        Raises:
            ValueError: options of a mixture for another sampler, or fewer than one component.
        """
        if self.sampler != "mixture" and (self.components, self.covariance) != (None, None):
            raise ValueError("components and covariance are options of a mixture; add --sampler mixture.")
        if self.components is not None and self.components < 1:
            raise ValueError(f"components must be at least 1, got {self.components}.")


def draw(path: Path, config: DrawConfig, n: int, *, seed: int = 0) -> Float[Array, "n h w c"]:
    """Draws images from a run; prints to stderr which model they come from and what was fitted to its codes.

    Args:
        path: the run's directory.
        config: choice of the model and of the sampler.
        n: number of images.
        seed: decides which images.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: there is no such run, or its model cannot be sampled in this way.
    """
    run = load(path, variant=config.variant, seed=config.seed)
    if not isinstance(run.model, models.Autoencoder):
        raise ValueError(f"{path} holds a {type(run.model).__name__}, which cannot be sampled.")
    suffix = "" if config.sampler == "prior" else f", by {config.sampler.replace('_', ' ')}"
    print(f"{path}: samples of {run.variant}, seed {run.seed}{suffix}", file=sys.stderr)
    mixture: dict[str, Any] = {"components": config.components, "covariance": config.covariance}
    options = {name: value for name, value in mixture.items() if value is not None}
    with _log_to_stderr():
        return study.draw_images(run, n, sampler=config.sampler, seed=seed, **options)


@contextmanager
def _log_to_stderr() -> Iterator[None]:
    """Prints the library's log to stderr, and only once if other packages have installed a root handler."""
    logger, handler = logging.getLogger("jaxvae"), logging.StreamHandler(sys.stderr)
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = propagates
        logger.setLevel(level)
        logger.removeHandler(handler)
