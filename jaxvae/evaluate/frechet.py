"""The Fréchet distance between Gaussians fitted to two sets of features, from any network.

Features are [n, d]; sums and products are in float64, on the host.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Moments:
    """First and second moments of a set of features.

    Attributes:
        mean: [d].
        covariance: [d, d], divided by n - 1.
        n: number of feature vectors; None if unknown.
    """

    mean: Float[np.ndarray, " d"]
    covariance: Float[np.ndarray, "d d"]
    n: int | None

    @cached_property
    def root(self) -> Float[np.ndarray, "d d"]:
        """The covariance's symmetric square root, which takes most of the time of a distance: found once for a set."""
        values, vectors = np.linalg.eigh(self.covariance)
        return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def moments(features: Float[np.ndarray, "n d"]) -> Moments:
    """Fits a Gaussian to features.

    Args:
        features: n >= 2 vectors.

    Returns:
        Mean and covariance in float64.

    Raises:
        ValueError: fewer than two vectors.
    """
    n = len(features)
    if n < 2:
        raise ValueError(f"a covariance needs at least 2 images, got {n}.")
    values = features.astype(np.float64)
    mean = values.mean(0)
    values -= mean
    return Moments(mean, values.T @ values / (n - 1), n)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Squared Fréchet distance between two Gaussians: |mean difference|^2 + tr(A + B - 2 (A B)^(1/2)).

    The trace of (A B)^(1/2) equals that of (B^(1/2) A B^(1/2))^(1/2), a symmetric matrix whose eigenvalues are accurate
    to rounding for any number of samples. With fewer samples than features the covariances are rank-deficient and the
    distance is biased upwards; this gives a warning.

    Args:
        a: moments of one set.
        b: moments of the other, the one that several are compared with: `Moments.root` is then found once.

    Returns:
        The distance in squared feature units; 0 for equal moments up to rounding.

    Raises:
        ValueError: moments of different sizes, or not finite.

    References:
        Dowson and Landau, The Fréchet distance between multivariate normal distributions, J. Multivariate Anal. 12,
        1982; Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash equilibrium,
        NeurIPS 2017, equation 6.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"both sets must have features of one size, got {len(a.mean)} and {len(b.mean)}.")
    if not all(np.isfinite(part).all() for m in (a, b) for part in (m.mean, m.covariance)):
        raise ValueError(
            "moments must be finite, got NaN or infinity; are the images and the weights intact?"
        )
    size = len(a.mean)
    fewest = min((m.n for m in (a, b) if m.n is not None), default=size)
    if fewest < size:
        warnings.warn(
            f"{fewest:,} images are fewer than the {size:,} features, which biases the Fréchet distance upwards; "
            "compare it only with distances from as many images.",
            stacklevel=2,
        )
    product = b.root @ a.covariance @ b.root
    eigenvalues = np.linalg.eigvalsh((product + product.T) / 2)
    cross = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    difference = a.mean - b.mean
    return float(difference @ difference + np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross)
