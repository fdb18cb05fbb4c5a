"""How well codes fill a prior: what of the prior no code is near, and whether the two can be told apart.

Codes and draws are [n, d].
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxvae.evaluate.probe import probe

_BLOCK_SIZE = 128


def holes(
    codes: Float[Array, "n d"], draws: Float[Array, "m _"], *, neighbours: int = 5, quantile: float = 0.95
) -> Float[Array, ""]:
    """Share of draws from the prior that lie in holes: farther from their nearest codes than codes lie from each other.

    The distance is the one to the `neighbours`-th nearest code, and the codes' own typical spacing the `quantile` of
    that distance among themselves. Codes that are distributed as the prior leave 1 - quantile, whatever the prior.

    Args:
        codes: [n, d], more than `neighbours` draws from the aggregated posterior.
        draws: [m, d], from the prior, at least one.
        neighbours: which of the nearest codes is looked at, from 1.
        quantile: share of the codes that their own spacing must not call isolated, in (0, 1).

    Returns:
        Scalar in [0, 1].

    Raises:
        ValueError: codes and draws of different sizes, too few of either, or a quantile outside (0, 1).

    References:
        Tomczak & Welling, VAE with a VampPrior, AISTATS 2018, section 2 (holes of the aggregated posterior);
        Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models, NeurIPS 2019,
        section 2 (nearest neighbours as a measure of support).
    """
    if codes.shape[1] != draws.shape[1]:
        raise ValueError(f"codes and draws need one size, got {codes.shape[1]} and {draws.shape[1]}.")
    if neighbours < 1 or len(codes) <= neighbours or not len(draws):
        raise ValueError(
            f"holes needs neighbours >= 1, more codes than neighbours and a draw, got {neighbours} neighbours, "
            f"{len(codes)} codes and {len(draws)} draws."
        )
    if not 0 < quantile < 1:
        raise ValueError(f"the quantile must be in (0, 1), got {quantile}.")
    own = _squared_distance_to_nearest(codes, codes, neighbours + 1)  # each code is its own nearest
    spacing = jnp.quantile(own, quantile)
    return jnp.mean((_squared_distance_to_nearest(draws, codes, neighbours) > spacing).astype(codes.dtype))


def _squared_distance_to_nearest(
    points: Float[Array, "m d"], codes: Float[Array, "n d"], which: int
) -> Float[Array, " m"]:
    def distance(point: Float[Array, " d"]) -> Float[Array, ""]:
        squared = jnp.sum(jnp.square(codes - point[None]), axis=1)
        return _nth_smallest(squared, which)

    return jax.lax.map(distance, points, batch_size=_BLOCK_SIZE)


def _nth_smallest(values: Float[Array, " n"], which: int) -> Float[Array, ""]:
    """By as many passes; XLA's `top_k` sorts, and takes twenty times as long on CPU."""

    def pass_over(_: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        reached, left = state
        above = jnp.min(jnp.where(values > reached, values, jnp.inf))
        count = jnp.sum((values == above).astype(jnp.int32))
        return jnp.where(left > 0, above, reached), left - count

    start = jnp.full((), -jnp.inf, values.dtype), jnp.asarray(which, jnp.int32)
    return jax.lax.fori_loop(0, which, pass_over, start)[0]


def two_sample_accuracy(
    key: Key[Array, ""], codes: Float[Array, "n d"], draws: Float[Array, "m _"], *, steps: int = 2000
) -> float:
    """How often a network that has learnt to tell codes from draws is right about ones that it has not seen.

    It learns from one half of both sets and is tested on the other; the larger set is cut to the size of the smaller.

    Args:
        key: decides the halves, the initial weights and the batches.
        codes: [n, d], draws from the aggregated posterior, at least two.
        draws: [m, d], from the prior, at least two.
        steps: updates of the network, see `probe`.

    Returns:
        Share of right answers: 0.5 where nobody could tell, up to sampling error; 1 where the sets are apart.

    Raises:
        ValueError: codes and draws of different sizes, or fewer than two of either.

    References:
        Lopez-Paz & Oquab, Revisiting Classifier Two-Sample Tests, ICLR 2017, section 3.
    """
    n = min(len(codes), len(draws))
    if codes.shape[1] != draws.shape[1] or n < 2:
        raise ValueError(
            f"a two-sample test needs two sets of at least two points of one size, got {codes.shape} and {draws.shape}."
        )
    keys = jax.random.split(key, 3)
    sides = [jax.random.permutation(k, x)[:n] for k, x in zip(keys[:2], (codes, draws), strict=True)]
    half = n // 2
    return probe(
        keys[2],
        jnp.concatenate([side[:half] for side in sides]),
        _sides(half),
        test_codes=jnp.concatenate([side[half:] for side in sides]),
        test_labels=_sides(n - half),
        classes=2,
        steps=steps,
    )


def _sides(n: int) -> Int[Array, " m"]:
    return jnp.repeat(jnp.arange(2), n)
