"""Images of a run's directory, and the flags that choose its model and its sampler."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    """Covariances of the mixture: full, or diag, for codes of several hundred dimensions. If not given, full where 10
    codes or more are fitted for each of components times dimensions, else diag."""

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
    """Draws images from a run, and says on stderr which model they are of and what was fitted to its codes.

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
    with _said():
        return study.draw_images(run, n, sampler=config.sampler, seed=seed, **options)


@contextmanager
def _said() -> Iterator[None]:
    """Shows on stderr what the library logs, once: other packages may have put a handler above it."""
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
