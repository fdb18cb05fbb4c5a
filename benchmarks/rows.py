"""Measures one setting: a screening of all variants, then a final of those near the best."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.contest import Entrant, Field
from benchmarks.contestants import Contestant, opponents, ours, with_loaders
from benchmarks.processes import BenchmarkError
from benchmarks.records import Screening, Track, best, row

SCREENING = 3
"""Rounds of the screening."""

NEAR = 1.15
"""Largest ratio of a finalist's time to the best one's in the screening."""

SIZES = {"cpu": (1024, 2048, 4096), "gpu": (4096, 8192, 16384), "tpu": (4096, 8192, 16384)}
"""Sides of the matrices by whose product the machine's highest rate is measured, by device."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Effort that a measurement takes.

    Attributes:
        starts: number of starts of each finalist.
        rounds: of the final, after each start.
        seconds: approximate length of a turn.
        tell: receives messages about the progress.
    """

    starts: int
    rounds: int
    seconds: float
    tell: Callable[[str], None]


def screen(base: Contestant, replicas: Sequence[int], images: Path, cache: Path, effort: Effort) -> Screening:
    """Times every variant for a few rounds.

    Args:
        base: model, batch size, precision, device and threads.
        replicas: numbers of replicas of ours.
        images: NumPy file of the training images.
        cache: directory for compiled programs, empty.
        effort: of the measurement.

    Returns:
        The times of all variants, and those that do not run.
    """
    options: dict[str, Any] = {"rounds": SCREENING, "seconds": effort.seconds, "random": Random(0)}
    with Field(images, cache, effort.tell) as field:
        field.play(field.admit(ours(base, replicas) + opponents(base)), **options)
        if theirs := [e for e in field.entrants if e.contestant.side == "torch"]:
            field.play(field.admit(with_loaders(best(theirs).contestant)), **options)
        return Screening(entrants=tuple(field.entrants), failed=field.failed)


def shortlist(entrants: Sequence[Entrant]) -> list[Contestant]:
    """The contestants of the final.

    Args:
        entrants: after the screening.

    Returns:
        Of PyTorch's variants, and of ours for each number of replicas, all that are near the best.
    """
    groups: dict[tuple[str, int], list[Entrant]] = {}
    for entrant in entrants:
        c = entrant.contestant
        groups.setdefault((c.side, c.replicas), []).append(entrant)
    return [
        entrant.contestant
        for group in groups.values()
        for entrant in group
        if entrant.median <= NEAR * best(group).median
    ]


def measure(
    base: Contestant,
    replicas: Sequence[int],
    images: Path,
    cache: Path,
    effort: Effort,
    *,
    proof: Mapping[str, Any],
    rates: dict[str, float],
) -> list[dict[str, Any]]:
    """Measures a setting.

    Args:
        base: model, batch size, precision, device and threads.
        replicas: numbers of replicas of ours, one row for each.
        images: NumPy file of the training images.
        cache: directory for compiled programs, empty.
        effort: of the measurement.
        proof: that both sides do the same work, for this model.
        rates: highest rate of matrix products by precision; measured and entered if missing.

    Returns:
        The rows as JSON values; none for a number of replicas that does not run.

    Raises:
        BenchmarkError: none of ours runs.
    """
    found = screen(base, replicas, images, cache, effort)
    if not any(entrant.contestant.side == "ours" for entrant in found.entrants):
        raise BenchmarkError("; ".join(f"{name} does not run: {why}" for name, why in found.failed.items()))
    tracks = {contestant: Track(contestant) for contestant in shortlist(found.entrants)}
    random, busy = Random(1), []
    for _ in range(effort.starts):
        with Field(images, cache, effort.tell) as field:
            entrants = field.admit(random.sample(list(tracks), len(tracks)))
            busy.append(field.play(entrants, rounds=effort.rounds, seconds=effort.seconds, random=random))
            if base.precision not in rates:
                effort.tell("rate of matrix products")
                sides = {entrant.contestant.side: entrant.process for entrant in field.entrants}
                answers = [p.ask({"matmul": size}) for size in SIZES[base.device] for p in sides.values()]
                rates[base.precision] = max(answer["rate"] for answer in answers)
        found.failed.update(field.failed)
        for entrant in field.entrants:
            tracks[entrant.contestant].starts.append(entrant)
    finished = [track for track in tracks.values() if len(track.starts) == effort.starts]
    theirs = [track for track in finished if track.contestant.side == "torch"]
    mine = {
        number: [t for t in finished if t.contestant.side == "ours" and t.contestant.replicas == number]
        for number in replicas
    }
    return [
        row(group, theirs, found, proof=proof, rate=rates[base.precision]) | {"busy_cores": max(busy)}
        for group in mine.values()
        if group
    ]
