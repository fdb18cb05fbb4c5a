"""How well codes fill a prior: its share without codes nearby, and whether codes and draws can be told apart.

Codes and draws are [n, d].
"""

import math

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from jaxvae.losses._floats import in_float32


@in_float32
def holes(
    codes: Float[Array, "n d"],
    draws: Float[Array, "m _"],
    reference: Float[Array, "k _"],
    *,
    neighbours: int = 5,
    quantile: float = 0.95,
) -> float:
    """Share of draws from the prior that lie in holes: unusually far from their nearest codes.

    The distance is that to the `neighbours`-th nearest code. It is unusual above the `quantile` of the distances that
    codes distributed as the prior would have: from the same draws to the `neighbours`-th nearest of as many other
    draws. Distances among the codes themselves would not do: codes that stray or are spread too far increase them,
    which hides the holes that they leave. For codes distributed as the prior the share is 1 - quantile, for any prior.

    Args:
        codes: [n, d], at least `neighbours` draws from the aggregated posterior.
        draws: [m, d], from the prior, at least one.
        reference: [n, d], other draws from the prior, as many as codes.
        neighbours: which of the nearest codes the distance is measured to, from 1.
        quantile: share of the draws that are not in holes if the codes are distributed as the prior, in (0, 1).

    Returns:
        In [0, 1].

    Raises:
        ValueError: points of different dimensions, too few points, codes and reference of different numbers, or a
            quantile outside (0, 1).

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
    # Imported here, because importing the package should not take that long.
    from sklearn.neighbors import NearestNeighbors

    tree = NearestNeighbors(n_neighbors=which).fit(np.asarray(others))
    return tree.kneighbors(np.asarray(points))[0][:, -1]


@in_float32
def two_sample_accuracy(key: Key[Array, ""], codes: Float[Array, "n d"], draws: Float[Array, "m _"]) -> float:
    """How often the nearest neighbours of a point tell correctly whether it is a code or a draw.

    One half of both sets provides the neighbours, the other is classified; the larger set is cut to the size of the
    smaller. The number of neighbours is a quarter of the square root of the number of points that they are searched in.
    The paper takes the square root, which smooths over the structure of thin priors such as the Swiss roll.

    Args:
        key: determines the halves.
        codes: [n, d], draws from the aggregated posterior, at least two.
        draws: [m, d], from the prior, at least two.

    Returns:
        Share of correct answers: 1 if the sets are separate, 0.5 if they are indistinguishable, up to a sampling error
        with standard deviation 0.5 / sqrt(n) for n points in the smaller set.

    Raises:
        ValueError: codes and draws of different dimensions, or fewer than two of either.

    References:
        Lopez-Paz & Oquab, Revisiting Classifier Two-Sample Tests, ICLR 2017, section 3 and C2ST-KNN of section 4.
    """
    n = min(len(codes), len(draws))
    if codes.shape[1] != draws.shape[1] or n < 2:
        raise ValueError(
            f"a two-sample test needs two sets of at least two points of one size, got {codes.shape} and {draws.shape}."
        )
    # Imported here, because importing the package should not take that long.
    from sklearn.neighbors import KNeighborsClassifier

    keys, half = jax.random.split(key), n // 2
    sides = [np.asarray(jax.random.permutation(k, x)[:n]) for k, x in zip(keys, (codes, draws), strict=True)]
    neighbours = math.isqrt(2 * half) // 4 | 1  # an odd number has no ties
    classifier = KNeighborsClassifier(neighbours)
    classifier.fit(np.concatenate([side[:half] for side in sides]), np.repeat([0, 1], half))
    return float(
        classifier.score(np.concatenate([side[half:] for side in sides]), np.repeat([0, 1], n - half))
    )
