"""Statistics of measured times: medians, spreads, the interval of a ratio, and the physical limit."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


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


def ratio(theirs: Sequence[Sequence[float]], ours: Sequence[Sequence[float]]) -> Spread:
    """How many times as fast ours is, with its 95 % interval.

    A process keeps a speed of its own (where its memory lies, which threads met), so that starts are the
    independent samples and the rounds of one start are not. What slows the machine in one round slows both sides of
    that round's ratio, and cancels. Each start gives the median of its rounds' ratios; the estimate is the geometric
    mean over starts, and the interval is Student's, on the logarithms.

    Args:
        theirs: PyTorch's time in each round of each start, at least 2 starts.
        ours: our time in the same rounds.

    Returns:
        Lower end, estimate and upper end; above 1 where ours is faster.

    Raises:
        ValueError: fewer than 2 starts, different numbers of rounds, or none.
    """
    if len(theirs) != len(ours) or len(ours) < 2:
        raise ValueError(f"a ratio needs both times of at least 2 starts, got {len(theirs)} and {len(ours)}.")
    logs = []
    for a, b in zip(theirs, ours, strict=True):
        if len(a) != len(b) or not a:
            raise ValueError(f"a ratio needs both times of every round, got {len(a)} and {len(b)}.")
        logs.append(np.median(np.log(a) - np.log(b)))
    error = np.std(logs, ddof=1) / np.sqrt(len(logs))
    reach = stats.t.ppf(0.975, len(logs) - 1) * error
    low, middle, high = np.exp(np.mean(logs) + np.array([-reach, 0.0, reach]))
    return Spread(float(low), float(middle), float(high))


def growth(samples: Sequence[float]) -> tuple[float, float]:
    """Least-squares slope of a line through equally spaced samples.

    Args:
        samples: at least 3.

    Returns:
        The slope and its standard error, in the samples' unit.
    """
    times = np.arange(len(samples)) - (len(samples) - 1) / 2
    slope = times @ samples / (times @ times)
    rest = np.asarray(samples) - np.mean(samples) - slope * times
    return float(slope), float(np.sqrt(rest @ rest / (len(samples) - 2) / (times @ times)))


def floor_ms(flops: float, rate: float) -> float:
    """Least time that matrix products can take.

    Args:
        flops: floating point operations; PyTorch's counter includes those on a convolution's padding.
        rate: highest measured rate, operations per second.

    Returns:
        Milliseconds.
    """
    return 1e3 * flops / rate
