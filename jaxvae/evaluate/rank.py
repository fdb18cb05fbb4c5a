"""Agreement of two orders."""

from collections.abc import Sequence

import numpy as np


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
