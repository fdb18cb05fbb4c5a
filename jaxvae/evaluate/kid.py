"""Measures of two sets of features that need all features, not only moments: KID, density and coverage.

Features are [n, d], from any network. Kernels are computed in float32, by blocks, and summed in float64; distances are
computed in float64.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxvae.losses._floats import in_float32

_BLOCK = 1024


class Estimate(NamedTuple):
    """An estimate and its standard error.

    Attributes:
        value: the estimate.
        error: its standard error.
    """

    value: float
    error: float


@in_float32
def kid(a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "m _"]) -> Estimate:
    """Kernel Inception distance: squared MMD with the kernel (x.y / d + 1)^3.

    This is the unbiased estimate from all pairs, with a jackknife standard error over the vectors of both sets.
    The paper averages the same estimate over random subsets, which has the same expectation and a larger variance.

    Args:
        a: n >= 3 feature vectors.
        b: m >= 3 feature vectors.

    Returns:
        The estimate, which may be negative, and its standard error.

    Raises:
        ValueError: fewer than three vectors in a set, or vectors of unequal size.

    References:
        Bińkowski et al., Demystifying MMD GANs, ICLR 2018, section 4; Efron and Stein, The jackknife estimate of
        variance, Ann. Statist. 9, 1981.
    """
    _check(a, b, least=3)
    n, m = len(a), len(b)
    within_a, within_b = _off_diagonal(a), _off_diagonal(b)
    across_a, across_b = _across(a, b)
    total_a, total_b, total = within_a.sum(), within_b.sum(), across_a.sum()
    value = total_a / (n * (n - 1)) + total_b / (m * (m - 1)) - 2 * total / (n * m)

    less_a = (total_a - 2 * within_a) / ((n - 1) * (n - 2)) - 2 * (total - across_a) / ((n - 1) * m)
    less_b = (total_b - 2 * within_b) / ((m - 1) * (m - 2)) - 2 * (total - across_b) / ((m - 1) * n)
    variance = (n - 1) * less_a.var() + (m - 1) * less_b.var()
    return Estimate(float(value), float(np.sqrt(variance)))


class Fidelity(NamedTuple):
    """How densely samples lie among real images, and what share of the real images they cover.

    Attributes:
        density: mean number of real neighbourhoods that a sample lies in, divided by its expectation for real images;
            may exceed 1.
        coverage: share of real images with a sample in their neighbourhood, 0 to 1.
    """

    density: float
    coverage: float


@in_float32
def density_coverage(
    real: Float[np.ndarray, "n d"], samples: Float[np.ndarray, "m _"], *, neighbours: int = 5
) -> Fidelity:
    """Density and coverage of samples among real images.

    A real image's neighbourhood is the ball whose radius is the distance to its k-th nearest other real image.

    Args:
        real: n > k feature vectors of real images.
        samples: m feature vectors.
        neighbours: k; the default is that of the paper.

    Returns:
        Both; about 1 each for samples from the distribution of the real images.

    Raises:
        ValueError: too few vectors, or vectors of unequal size.

    References:
        Naeem et al., Reliable fidelity and diversity metrics for generative models, ICML 2020, equations 5 and 6.
    """
    _check(real, samples, least=1)
    if len(real) <= neighbours:
        raise ValueError(
            f"{neighbours} neighbours need at least {neighbours + 1} real images, got {len(real)}."
        )
    # Squares that are expanded into products lose the digits of distances between features far from 0.
    real, samples = real.astype(np.float64), samples.astype(np.float64)
    inside, covered = 0, 0
    for rows in _blocks(real):
        # The nearest image is the image itself.
        radii = np.partition(_squared(real[rows], real), neighbours, axis=1)[:, neighbours]
        near = _squared(real[rows], samples) < radii[:, None]
        inside += int(near.sum())
        covered += int(near.any(1).sum())
    return Fidelity(inside / (neighbours * len(samples)), covered / len(real))


def _check(a: np.ndarray, b: np.ndarray, *, least: int) -> None:
    if min(len(a), len(b)) < least:
        raise ValueError(f"each set must have at least {least} images, got {len(a)} and {len(b)}.")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"both sets must have features of one size, got {a.shape[1]} and {b.shape[1]}.")


def _blocks(a: np.ndarray) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, len(a), _BLOCK))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    base = a @ b.T / np.float32(a.shape[1]) + 1
    return base * base * base  # NumPy's power is many times slower


def _off_diagonal(a: np.ndarray) -> np.ndarray:
    """Sum of the kernel between each vector and all others."""
    diagonal = ((a.astype(np.float64) ** 2).sum(1) / a.shape[1] + 1) ** 3
    return np.concatenate([_kernel(a[rows], a).sum(1, dtype=np.float64) for rows in _blocks(a)]) - diagonal


def _across(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the kernel over the other set, for each vector of a and of b."""
    for_a, for_b = [], np.zeros(len(b))
    for rows in _blocks(a):
        gram = _kernel(a[rows], b)
        for_a.append(gram.sum(1, dtype=np.float64))
        for_b += gram.sum(0, dtype=np.float64)
    return np.concatenate(for_a), for_b


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)
