"""Whether codes lie in the parts of a prior, each in its share; codes and draws are [n, d]."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

LogProb = Callable[[Float[Array, "n d"]], Float[Array, " n"]]
PartOf = Callable[[Float[Array, "n d"]], Int[Array, " n"]]

_BLOCK_SIZE = 4096


def mode_match(
    codes: Float[Array, "n d"],
    draws: Float[Array, "m _"],
    *,
    log_prob: LogProb,
    part_of: PartOf,
    parts: int,
    mass: float = 0.95,
) -> float:
    """1 minus the total variation between codes and prior, over the places where each part of the prior is dense.

    A part's place is where the prior is denser than at all but the share `mass` of the part's own draws; everything
    else is one more place, so that codes between the parts are in none of them.

    Args:
        codes: [n, d], draws from the aggregated posterior, at least one.
        draws: [m, d], from the prior, far more than there are codes, some of each part.
        log_prob: log density of the prior.
        part_of: numbers of the parts that points belong to.
        parts: how many there are.
        mass: share of each part's draws that its place holds, in (0, 1).

    Returns:
        In [0, 1]: 1 where each place has the share of codes that it has of draws, up to sampling error; 0 where no
        code is in a place of any draw.

    Raises:
        ValueError: codes and draws of different sizes, no codes, a part without draws, or a mass outside (0, 1).
    """
    if codes.shape[1] != draws.shape[1] or not len(codes):
        raise ValueError(
            f"mode match needs codes, and draws of their size, got {codes.shape} and {draws.shape}."
        )
    if not 0 < mass < 1:
        raise ValueError(f"the mass must be in (0, 1), got {mass}.")

    density, part = _located(jnp.concatenate([codes, draws]), log_prob, part_of)
    missing = np.setdiff1d(np.arange(parts), part[len(codes) :])
    if len(missing):
        raise ValueError(f"mode match needs draws of every part, got none of {missing.tolist()}; draw more.")
    of_draws, among = density[len(codes) :], part[len(codes) :]
    levels = np.array([np.quantile(of_draws[among == each], 1 - mass) for each in range(parts)])
    places = np.where(density > levels[part], part, parts)
    shares = [
        np.bincount(each, minlength=parts + 1) / len(each)
        for each in (places[: len(codes)], places[len(codes) :])
    ]
    return float(1 - np.abs(shares[0] - shares[1]).sum() / 2)


def _located(
    points: Float[Array, "n d"], log_prob: LogProb, part_of: PartOf
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Densities and parts, by blocks: a prior may compare each point with many others."""
    blocks = [points[start : start + _BLOCK_SIZE] for start in range(0, len(points), _BLOCK_SIZE)]
    density = np.concatenate([np.asarray(log_prob(block)) for block in blocks])
    return density, np.concatenate([np.asarray(part_of(block)) for block in blocks])
