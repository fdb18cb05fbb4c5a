"""From measured times to the benchmark's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contest import Entrant, best
from benchmarks.contestants import Contestant
from benchmarks.measures import floor_ms, ratio, spread


@dataclass(frozen=True, kw_only=True)
class Screening:
    """All variants' times before the final.

    Attributes:
        ours_ms: by number of replicas, median of a step by name of the variant.
        torch_ms: median of a step by name of the variant.
        cold_seconds: to the first step, with nothing compiled before.
        failed: variants of PyTorch that do not run, with the reason.
        chosen: our fastest for every number of replicas, and PyTorch's.
    """

    ours_ms: dict[int, dict[str, float]]
    torch_ms: dict[str, float]
    cold_seconds: dict[str, float]
    failed: dict[str, str]
    chosen: list[Contestant]


def row(
    mine: Entrant, theirs: Sequence[Entrant], found: Screening, *, proof: Mapping[str, Any], rate: float
) -> dict[str, Any]:
    """The numbers of one number of replicas; PyTorch's times are as many times its single step.

    Args:
        mine: ours, after the final.
        theirs: PyTorch's, after the final.
        found: in the screening.
        proof: of same work.
        rate: of matrix products, operations per second.

    Returns:
        As JSON can hold it.
    """
    c = mine.contestant
    milliseconds, entrants = spread(mine.milliseconds), (mine, *theirs)
    shown = found.torch_ms | {e.contestant.name: e.median for e in theirs}
    return {
        "model": c.model,
        "batch_size": c.batch_size,
        "precision": c.precision,
        "device": c.device,
        "replicas": c.replicas,
        "ours_ms": milliseconds.median,
        "torch_ms": {name: c.replicas * ms for name, ms in shown.items()},
        **_against(mine, theirs),
        "floor_ms": floor_ms(proof["flops"] * c.batch_size * c.replicas, rate),
        "matmul_flops_per_second": rate,
        "images_per_second": 1e3 * c.batch_size * c.replicas / milliseconds.median,
        "ours_variant": c.name,
        "ours_quartiles_ms": [milliseconds.low, milliseconds.high],
        "ours_variants_ms": found.ours_ms[c.replicas] | {c.name: milliseconds.median},
        "rounds_ms": {e.contestant.name: e.milliseconds for e in entrants},
        "first_step_seconds": {"cold": found.cold_seconds, "warm": _warm(entrants)},
        "peak_bytes": {e.contestant.name: e.peak_bytes for e in entrants},
        "failed": found.failed,
        "proof": dict(proof),
    }


def _against(mine: Entrant, theirs: Sequence[Entrant]) -> dict[str, Any]:
    """The ratio to the best of PyTorch's finalists; nulls where there is none."""
    if not theirs:
        return dict.fromkeys(("ratio", "ratio_low", "ratio_high", "torch_variant", "torch_quartiles_ms"))
    opponent = best(theirs)
    samples = [mine.contestant.replicas * ms for ms in opponent.milliseconds]
    low, middle, high = ratio(samples, mine.milliseconds)
    quartiles = spread(samples)
    return {
        "ratio": middle,
        "ratio_low": low,
        "ratio_high": high,
        "torch_variant": opponent.contestant.name,
        "torch_quartiles_ms": [quartiles.low, quartiles.high],
    }


def _warm(entrants: Sequence[Entrant]) -> dict[str, float]:
    """Seconds to the first step of those whose programs the screening has left in the cache."""
    return {e.contestant.name: e.first_step_seconds for e in entrants}
