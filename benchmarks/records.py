"""From measured times to the benchmark's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from benchmarks.contest import Entrant
from benchmarks.contestants import Contestant
from benchmarks.measures import floor_ms, ratio, spread


@dataclass(frozen=True, kw_only=True)
class Screening:
    """All variants before the final.

    Attributes:
        entrants: with their times.
        failed: variants that do not run, with the reason.
    """

    entrants: tuple[Entrant, ...]
    failed: dict[str, str]


@dataclass(frozen=True)
class Track:
    """A finalist.

    Attributes:
        contestant: the contestant.
        starts: its processes, with their times.
    """

    contestant: Contestant
    starts: list[Entrant] = field(default_factory=list)

    @property
    def rounds(self) -> list[list[float]]:
        """Milliseconds of a step: for each start, those of its rounds."""
        return [entrant.milliseconds for entrant in self.starts]

    @property
    def median(self) -> float:
        """Milliseconds of a step: median of the starts' medians."""
        return spread([entrant.median for entrant in self.starts]).median

    @property
    def peak_bytes(self) -> int:
        """Peak memory: median of the starts' peaks."""
        return round(spread([entrant.peak_bytes for entrant in self.starts]).median)

    @property
    def quartiles(self) -> list[float]:
        """Quartiles of the milliseconds of all rounds."""
        low, _, high = spread([ms for rounds in self.rounds for ms in rounds])
        return [low, high]


class _Timed(Protocol):
    @property
    def median(self) -> float: ...


T = TypeVar("T", bound=_Timed)


def best(timed: Sequence[T]) -> T:
    """The entry with the smallest median.

    Args:
        timed: at least one.

    Returns:
        The fastest.
    """
    return min(timed, key=lambda one: one.median)


def row(
    ours: Sequence[Track], theirs: Sequence[Track], found: Screening, *, proof: Mapping[str, Any], rate: float
) -> dict[str, Any]:
    """The row for one number of replicas; PyTorch's time is that of its single step times that number.

    Args:
        ours: our finalists with that number, at least one.
        theirs: PyTorch's.
        found: result of the screening.
        proof: that both sides do the same work.
        rate: of matrix products, operations per second.

    Returns:
        As JSON can hold it. "torch_ms" has the final's times of finalists and the screening's of all others;
        "screening_ms" has the screening's of all. Allocators and "ours_peak_bytes" and "torch_peak_bytes" are those of
        the two variants whose times the ratio is of, in the final; PyTorch's memory is that of one replica.
    """
    mine = best(ours)
    c, finalists = mine.contestant, (*ours, *theirs)
    screened = {
        e.contestant.name: e
        for e in found.entrants
        if e.contestant.side == "torch" or e.contestant.replicas == c.replicas
    }
    once = {"ours": 1, "torch": c.replicas}
    times: dict[str, dict[str, float]] = {"ours": {}, "torch": {}}
    everyone: list[Entrant | Track] = [*screened.values(), *finalists]
    for timed in everyone:
        side = timed.contestant.side
        times[side][timed.contestant.name] = once[side] * timed.median
    return {
        "model": c.model,
        "batch_size": c.batch_size,
        "precision": c.precision,
        "device": c.device,
        "replicas": c.replicas,
        "ours_ms": mine.median,
        "torch_ms": times["torch"],
        **_against(mine, theirs),
        "floor_ms": floor_ms(proof["flops"] * c.batch_size * c.replicas, rate),
        "matmul_flops_per_second": rate,
        "images_per_second": 1e3 * c.batch_size * c.replicas / mine.median,
        "ours_variant": c.name,
        "ours_allocator": c.allocator,
        "ours_peak_bytes": mine.peak_bytes,
        "ours_quartiles_ms": mine.quartiles,
        "ours_variants_ms": times["ours"],
        "screening_ms": {n: once[e.contestant.side] * e.median for n, e in screened.items()},
        "rounds_ms": {track.contestant.name: track.rounds for track in finalists},
        "first_step_seconds": {
            "cold": {
                n: e.first_step_seconds for n, e in screened.items() if _first_of_its_programs(e.contestant)
            },
            "warm": {
                t.contestant.name: spread([e.first_step_seconds for e in t.starts]).median for t in finalists
            },
        },
        "peak_bytes": {name: entrant.peak_bytes for name, entrant in screened.items()},
        "failed": found.failed,
        "proof": dict(proof),
    }


def _first_of_its_programs(contestant: Contestant) -> bool:
    """Whether no earlier contestant has left the same programs in the cache; allocator and feed do not change them."""
    return not contestant.keep_pages and contestant.loader_workers is None


def _against(mine: Track, theirs: Sequence[Track]) -> dict[str, Any]:
    """The best of PyTorch's finalists, and the ratios to it; None if there is none."""
    if not theirs:
        ratios = "ratio", "ratio_low", "ratio_high", "memory_ratio"
        others = "torch_variant", "torch_allocator", "torch_peak_bytes", "torch_quartiles_ms"
        return dict.fromkeys((*ratios, *others))
    opponent, replicas = best(theirs), mine.contestant.replicas
    low, middle, high = ratio([[replicas * ms for ms in r] for r in opponent.rounds], mine.rounds)
    return {
        "ratio": middle,
        "ratio_low": low,
        "ratio_high": high,
        "memory_ratio": opponent.peak_bytes / mine.peak_bytes,
        "torch_variant": opponent.contestant.name,
        "torch_allocator": opponent.contestant.allocator,
        "torch_peak_bytes": opponent.peak_bytes,
        "torch_quartiles_ms": [replicas * ms for ms in opponent.quartiles],
    }
