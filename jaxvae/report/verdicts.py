"""What the numbers of a table say about a claim, in sentences."""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

from jaxvae.report.column import Column
from jaxvae.report.results import Row, Summary

_FEW = {1: " (one seed)", 2: " (two seeds)"}

Goal: TypeAlias = Literal["lower", "higher", "one"]
"""Which values are better; "one" is for ratios, of which 2 is as bad as 1/2."""


def failed(rows: Sequence[Row]) -> list[str]:
    """Names the rows without any result.

    Args:
        rows: rows of a table.

    Returns:
        A sentence for each row of which no seed was measured.
    """
    return [f"{row.name} failed." for row in rows if not row.metrics]


def compare_means(
    rows: Sequence[Row],
    names: tuple[str, str],
    column: Column,
    *,
    claim: str = "",
    goal: Goal | None = None,
    verdicts: tuple[str, str] = ("better", "not better"),
) -> list[str]:
    """Says whether a metric of one row is better than that of another, if both were measured.

    Two means over seeds do not clearly differ if their difference is within its standard deviation, the root of the sum
    of both variances. A single seed has no standard deviation, so that any difference counts; the sentence says so.

    Args:
        rows: rows of a table.
        names: the row to compare with, and the row that is claimed to be better.
        column: the metric.
        claim: start of the sentence; the column's title and both names if empty.
        goal: which values are better; the column's direction if None.
        verdicts: what is said if the claim holds, and if it does not.

    Returns:
        At most one sentence, such as "FID, VAE → AAE: 30.1 → 25.2, better (one seed).", or with "not better" or
        "no clear difference".

    Raises:
        ValueError: neither the column nor `goal` gives a direction.
    """
    goal = goal or column.better
    if goal is None:
        raise ValueError(f"{column.key!r} has no better direction; give compare_means a goal.")
    summaries = {row.name: row.metrics.get(column.key) for row in rows}
    before, after = (summaries.get(name) for name in names)
    if not (before and after) or before["mean"] is None or after["mean"] is None:
        return []
    (cost_before, std_before), (cost_after, std_after) = (_cost(summary, goal) for summary in (before, after))
    if abs(cost_before - cost_after) <= math.hypot(std_before, std_after):
        verdict = "no clear difference"
    else:
        verdict = verdicts[cost_after >= cost_before]
    means = " → ".join(_in_digits(summary, column.digits) for summary in (before, after))
    claim = claim or f"{column.title}, {names[0]} → {names[1]}"
    return [f"{claim}: {means}, {verdict}{few_seeds(before, after)}."]


def few_seeds(*summaries: Summary) -> str:
    """What a verdict has to say of its seeds.

    Args:
        summaries: what is compared.

    Returns:
        " (one seed)" or " (two seeds)", by whichever was measured least; empty for three seeds or more, or nothing.
    """
    return _FEW.get(min((summary["n"] for summary in summaries), default=0), "")


def _cost(summary: Summary, goal: Goal) -> tuple[float, float]:
    """A number that is to be minimized, and its standard deviation; for a ratio the size of its logarithm."""
    mean, std = summary["mean"] or 0.0, summary["std"] or 0.0
    if goal == "one":
        ratio = max(mean, 1e-9)
        return abs(math.log(ratio)), std / ratio
    return (mean if goal == "lower" else -mean), std


def _in_digits(summary: Summary, digits: int) -> str:
    spread = "" if summary["std"] is None else f" ± {summary['std']:,.{digits}f}"
    return f"{summary['mean']:,.{digits}f}{spread}"
