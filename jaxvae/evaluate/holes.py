"""How well codes fill a prior: what of the prior no code is near, and whether the two can be told apart.

Codes and draws are [n, d].
"""

import math

import jax
import numpy as np
from jaxtyping import Array, Float, Key


def holes(
    codes: Float[Array, "n d"],
    draws: Float[Array, "m _"],
    reference: Float[Array, "k _"],
    *,
    neighbours: int = 5,
    quantile: float = 0.95,
) -> float:
    """Share of draws from the prior that lie in holes: farther from their nearest codes than is typical.

    The distance is the one to the `neighbours`-th nearest code. Typical is what it would be if the codes filled the
    prior: the `quantile` of the distances from the same draws to the `neighbours`-th nearest of as many other draws.
    The codes' own distances from each other would not do: codes that stray or are spread too far raise them, which
    hides the holes that they leave. Codes that are distributed as the prior leave 1 - quantile, whatever the prior.

    Args:
        codes: [n, d], at least `neighbours` draws from the aggregated posterior.
        draws: [m, d], from the prior, at least one.
        reference: [n, d], other draws from the prior, as many as codes.
        neighbours: which of the nearest codes is looked at, from 1.
        quantile: share of the draws that codes distributed as the prior do not leave in holes, in (0, 1).

    Returns:
        In [0, 1].

    Raises:
        ValueError: points of different sizes, too few of them, codes and reference of different numbers, or a quantile
            outside (0, 1).

    References:
        Tomczak & Welling, VAE with a VampPrior, AISTATS 2018, section 2 (holes of the aggregated posterior);
        Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models, NeurIPS 2019,
        section 2 (nearest neighbours as a measure of support).
    """
    if codes.shape[1] != draws.shape[1] or codes.shape != reference.shape:
        raise ValueError(
            f"holes needs codes and draws of one size, and a reference of the codes' shape, got {codes.shape}, "
            f"{draws.shape} and {reference.shape}."
        )
    if neighbours < 1 or len(codes) < neighbours or not len(draws):
        raise ValueError(
            f"holes needs neighbours >= 1, as many codes and a draw, got {neighbours} neighbours, {len(codes)} codes "
            f"and {len(draws)} draws."
        )
    if not 0 < quantile < 1:
        raise ValueError(f"the quantile must be in (0, 1), got {quantile}.")
    typical = np.quantile(_distance_to_nearest(draws, reference, neighbours), quantile)
    return float(np.mean(_distance_to_nearest(draws, codes, neighbours) > typical))


def _distance_to_nearest(
    points: Float[Array, "m d"], others: Float[Array, "n d"], which: int
) -> Float[np.ndarray, " m"]:
    # Loaded only here, since importing the package should not wait for it.
    from sklearn.neighbors import NearestNeighbors

    tree = NearestNeighbors(n_neighbors=which).fit(np.asarray(others))
    return tree.kneighbors(np.asarray(points))[0][:, -1]


def two_sample_accuracy(key: Key[Array, ""], codes: Float[Array, "n d"], draws: Float[Array, "m _"]) -> float:
    """How often the nearest neighbours of a point tell whether it is a code or a draw.

    They are sought in one half of both sets, and asked about the other; the larger set is cut to the size of the
    smaller. There are a quarter as many neighbours as the square root of the points that they are sought in: the paper
    takes the root, which smooths over the structure of priors as thin as the Swiss roll, whose thickness it misses.

    Args:
        key: decides the halves.
        codes: [n, d], draws from the aggregated posterior, at least two.
        draws: [m, d], from the prior, at least two.

    Returns:
        Share of right answers: 0.5 where nobody could tell, up to sampling error, whose standard deviation is
        0.5 / sqrt(n) for n points in the smaller set; 1 where the sets are apart.

    Raises:
        ValueError: codes and draws of different sizes, or fewer than two of either.

    References:
        Lopez-Paz & Oquab, Revisiting Classifier Two-Sample Tests, ICLR 2017, section 3 and C2ST-KNN of section 4.
    """
    n = min(len(codes), len(draws))
    if codes.shape[1] != draws.shape[1] or n < 2:
        raise ValueError(
            f"a two-sample test needs two sets of at least two points of one size, got {codes.shape} and {draws.shape}."
        )
    # Loaded only here, since importing the package should not wait for it.
    from sklearn.neighbors import KNeighborsClassifier

    keys, half = jax.random.split(key), n // 2
    sides = [np.asarray(jax.random.permutation(k, x)[:n]) for k, x in zip(keys, (codes, draws), strict=True)]
    neighbours = math.isqrt(2 * half) // 4 | 1  # an odd number has no ties
    classifier = KNeighborsClassifier(neighbours)
    classifier.fit(np.concatenate([side[:half] for side in sides]), np.repeat([0, 1], half))
    return float(
        classifier.score(np.concatenate([side[half:] for side in sides]), np.repeat([0, 1], n - half))
    )
