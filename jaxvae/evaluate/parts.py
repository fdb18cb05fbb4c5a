"""How well codes fill the parts of a prior in the right proportions. Codes and draws are [n, d]."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxvae.losses._floats import in_float32

LogProb = Callable[[Float[Array, "n d"]], Float[Array, " n"]]
PartOf = Callable[[Float[Array, "n d"]], Int[Array, " n"]]

_BLOCK_SIZE = 4096


@in_float32
def mode_match(
    codes: Float[Array, "n d"],
    draws: Float[Array, "m _"],
    *,
    log_prob: LogProb,
    part_of: PartOf,
    parts: int,
    mass: float = 0.95,
) -> float:
    """1 minus the total variation distance between codes and prior, over the dense region of each part of the prior.

    The region of a part is where the prior is denser than at the sparsest 1 - `mass` of the part's draws. Everything
    else is one more region, which holds the codes between the parts.

    Args:
        codes: [n, d], draws from the aggregated posterior, at least one.
        draws: [m, d], from the prior, many more than codes, with some from each part.
        log_prob: log density of the prior.
        part_of: maps points to the numbers of the parts that they belong to.
        parts: number of parts.
        mass: share of each part's draws that lie in its region, in (0, 1).

    Returns:
        In [0, 1]: 1 if each region holds the same share of codes as of draws, up to sampling error; 0 if no code is in
        a region that holds draws.

    Raises:
        ValueError: codes and draws of different dimensions, no codes, a part without draws, or a mass outside (0, 1).
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
    draw_density, draw_part = density[len(codes) :], part[len(codes) :]
    levels = np.array([np.quantile(draw_density[draw_part == number], 1 - mass) for number in range(parts)])
    regions = np.where(density > levels[part], part, parts)
    shares = [
        np.bincount(subset, minlength=parts + 1) / len(subset)
        for subset in (regions[: len(codes)], regions[len(codes) :])
    ]
    return float(1 - np.abs(shares[0] - shares[1]).sum() / 2)


def _located(
    points: Float[Array, "n d"], log_prob: LogProb, part_of: PartOf
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Densities and parts, by blocks, since a prior may compare each point with many others."""
    blocks = [points[start : start + _BLOCK_SIZE] for start in range(0, len(points), _BLOCK_SIZE)]
    density = np.concatenate([np.asarray(log_prob(block)) for block in blocks])
    return density, np.concatenate([np.asarray(part_of(block)) for block in blocks])
