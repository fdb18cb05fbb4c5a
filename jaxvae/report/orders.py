"""Agreement of two orders: of what was obtained and what was published."""

import math
from collections.abc import Sequence

import numpy as np

from jaxvae.report.column import Column
from jaxvae.report.results import Row


def compare_orders(rows: Sequence[Row], column: Column) -> tuple[float, str]:
    """Ranks rows by a metric and by its published value.

    Args:
        rows: results; those without one of the two values are left out.
        column: the metric.

    Returns:
        Spearman's correlation of the two orders, NaN for fewer than two rows; and a sentence or two on them.
    """
    pairs = {
        row.name: (row.metrics[column.key]["mean"], row.published[column.key])
        for row in rows
        if column.key in row.metrics and column.key in row.published
    }
    obtained = {name: mean for name, (mean, _) in pairs.items() if mean is not None}
    if len(obtained) < 2:
        return math.nan, f"Fewer than two rows have both a {column.title} and a published one."
    published = {name: float(pairs[name][1]) for name in obtained}
    correlation = spearman(list(obtained.values()), list(published.values()))
    mine, theirs = (sorted(values, key=values.__getitem__) for values in (obtained, published))
    if mine == theirs:
        words = f"From least to most {column.title}, as published: {', '.join(mine)}."
    else:
        words = (
            f"From least to most {column.title}: {', '.join(mine)}. As published: {', '.join(theirs)}. "
            f"Other places than published have {_moved(mine, theirs)}. Spearman's correlation of the two orders is "
            f"{correlation:.2f}."
        )
    return correlation, words


def _moved(mine: Sequence[str], theirs: Sequence[str]) -> str:
    places = {name: (mine.index(name) + 1, theirs.index(name) + 1) for name in mine}
    return ", ".join(
        f"{name} ({own}, published {other})" for name, (own, other) in places.items() if own != other
    )


def spearman(a: Sequence[float | int], b: Sequence[float | int]) -> float:
    """Spearman's rank correlation: the correlation of ranks, ties sharing the mean of theirs.

    Args:
        a: values.
        b: values of the same things, in the same order.

    Returns:
        A number in [-1, 1]: 1 for the same order, -1 for the opposite; NaN where one side is all ties.

    Raises:
        ValueError: different numbers of values, or fewer than two.

    References:
        Spearman, The Proof and Measurement of Association between Two Things, 1904.
    """
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"a rank correlation needs two or more pairs, got {len(a)} and {len(b)} values.")
    x, y = (_ranks(np.asarray(values, np.float64)) for values in (a, b))
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt(np.sum(x**2) * np.sum(y**2))
    return float(np.sum(x * y) / scale) if scale else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    below = (values[None] < values[:, None]).sum(axis=1)
    equal = (values[None] == values[:, None]).sum(axis=1)
    return below + (equal - 1) / 2
