"""What is made of measured times: medians, spreads, the interval of a ratio, and the physical limit."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Median and quartiles, in the unit of the samples."""

    low: float
    median: float
    high: float


def spread(samples: Sequence[float]) -> Spread:
    """Median and quartiles.

    Args:
        samples: at least one.

    Returns:
        Quartile, median, quartile.
    """
    return Spread(*(float(q) for q in np.percentile(samples, (25, 50, 75))))


def ratio(theirs: Sequence[float], ours: Sequence[float], *, draws: int = 10_000) -> Spread:
    """Median of the ratios within rounds, with its 95 % bootstrap interval.

    What slows the machine in one round slows both sides of a ratio, and cancels.

    Args:
        theirs: PyTorch's time in each round.
        ours: our time in the same rounds.
        draws: bootstrap samples.

    Returns:
        Lower end, median and upper end; above 1 where ours is faster.

    Raises:
        ValueError: different numbers of rounds, or none.
    """
    if len(theirs) != len(ours) or not theirs:
        raise ValueError(f"a ratio needs both times of every round, got {len(theirs)} and {len(ours)}.")
    ratios = np.asarray(theirs) / np.asarray(ours)
    rows = np.random.default_rng(0).integers(0, len(ratios), (draws, len(ratios)))
    low, high = np.percentile(np.median(ratios[rows], axis=1), (2.5, 97.5))
    return Spread(float(low), float(np.median(ratios)), float(high))


def floor_ms(flops: float, rate: float) -> float:
    """Least time that matrix products can take.

    Args:
        flops: floating point operations.
        rate: highest measured rate, operations per second.

    Returns:
        Milliseconds.
    """
    return 1e3 * flops / rate
