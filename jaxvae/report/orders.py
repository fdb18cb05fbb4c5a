"""Agreement between the order of rows by an obtained metric and by the published one."""

import math
from collections.abc import Sequence

import numpy as np

from jaxvae.report.column import Column
from jaxvae.report.results import Row
from jaxvae.report.verdicts import few_seeds


def compare_orders(rows: Sequence[Row], column: Column) -> tuple[float, str]:
    """Ranks rows by a metric and by its published value.

    Args:
        rows: results; rows without one of the two values are left out.
        column: the metric.

    Returns:
        Spearman's correlation of the two orders, NaN for fewer than two rows; and one or two sentences about them.
    """
    ranked = [row for row in rows if column.key in row.metrics and column.key in row.published]
    means = {row.name: row.metrics[column.key]["mean"] for row in ranked}
    obtained = {name: mean for name, mean in means.items() if mean is not None}
    if len(obtained) < 2:
        return math.nan, f"Fewer than two rows have both an obtained and a published {column.title}."
    published = {row.name: float(row.published[column.key]) for row in ranked if row.name in obtained}
    seeds = few_seeds(*(row.metrics[column.key] for row in ranked if row.name in obtained))
    correlation = spearman(list(obtained.values()), list(published.values()))
    order, published_order = (sorted(values, key=values.__getitem__) for values in (obtained, published))
    if order == published_order:
        words = f"From least to most {column.title}{seeds}, as published: {', '.join(order)}."
    else:
        words = (
            f"From least to most {column.title}{seeds}: {', '.join(order)}. "
            f"As published: {', '.join(published_order)}. Ranks that differ: {_moved(order, published_order)}. "
            f"Spearman's correlation of the two orders is {correlation:.2f}."
        )
    return correlation, words


def _moved(order: Sequence[str], published_order: Sequence[str]) -> str:
    ranks = {name: (order.index(name) + 1, published_order.index(name) + 1) for name in order}
    return ", ".join(
        f"{name} ({rank}, published {published})"
        for name, (rank, published) in ranks.items()
        if rank != published
    )


def spearman(a: Sequence[float | int], b: Sequence[float | int]) -> float:
    """Spearman's rank correlation: the correlation of ranks, where ties share their mean rank.

    Args:
        a: values.
        b: as many values, paired with those of `a`.

    Returns:
        A number in [-1, 1]: 1 for the same order, -1 for the opposite; NaN if all values on one side are equal.

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
