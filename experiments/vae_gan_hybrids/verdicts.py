"""What numbers say of a claim, in sentences."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from jaxvae import report

Goal = Literal["lower", "higher", "one"]
"""Which values are good; "one" is for ratios, of which twice is as bad as half."""


def failed(rows: Sequence[report.Row]) -> Iterator[str]:
    """Names the rows that have no numbers.

    Args:
        rows: of a table.

    Yields:
        A sentence for each.
    """
    for row in rows:
        if not row.metrics:
            yield f"{row.name} failed."


def compared(
    rows: Sequence[report.Row], names: tuple[str, str], key: str, *, claim: str, goal: Goal
) -> Iterator[str]:
    """Says whether one row is better than another, if both have the number.

    Two means over seeds do not differ clearly where their difference is within its standard deviation, the root of the
    sum of both variances. A single seed tells nothing of that.

    Args:
        rows: of a table.
        names: of the row to compare with, and of the one that is claimed to be better.
        key: of the metric.
        claim: how the sentence begins.
        goal: which values are good.

    Yields:
        The sentence.
    """
    found = {row.name: row.metrics.get(key) for row in rows}
    before, after = (found.get(name) for name in names)
    if not (before and after) or before["mean"] is None or after["mean"] is None:
        return
    (bad, bad_std), (now, now_std) = (_badness(each, goal) for each in (before, after))
    if abs(bad - now) <= math.hypot(bad_std, now_std):
        turn = "no clear difference"
    else:
        turn = "better" if now < bad else "not better"
    yield f"{claim}: {_told(before)} → {_told(after)}, {turn}."


def _badness(summary: report.Summary, goal: Goal) -> tuple[float, float]:
    """What should be small, and its standard deviation; of a ratio its logarithm's size."""
    mean, std = summary["mean"] or 0.0, summary["std"] or 0.0
    if goal == "one":
        ratio = max(mean, 1e-9)
        return abs(math.log(ratio)), std / ratio
    return (mean if goal == "lower" else -mean), std


def _told(summary: report.Summary) -> str:
    spread = "" if summary["std"] is None else f" ± {summary['std']:.3f}"
    return f"{summary['mean']:.3f}{spread}"
