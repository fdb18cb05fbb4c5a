"""One setting measured: screening of all variants, then a final between the best."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.contest import Entrant, best, field_of, medians, play
from benchmarks.contestants import Contestant, opponents, ours, with_loaders
from benchmarks.records import Screening, row

SCREENING = 3
"""Rounds that choose the best variants."""

SIZES = (1024, 2048, 4096)
"""Sides of the matrices whose product's rate is the machine's."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How thoroughly to measure.

    Attributes:
        rounds: of the final.
        steps: in a turn.
        cache: directory for compiled programs.
        tell: is told what is going on.
    """

    rounds: int
    steps: int
    cache: Path
    tell: Callable[[str], None]


def screen(base: Contestant, replicas: Sequence[int], effort: Effort) -> Screening:
    """Times every variant for a few rounds.

    Args:
        base: model, batch size, precision, device and threads.
        replicas: numbers of replicas of ours.
        effort: how thoroughly.

    Returns:
        What was found.
    """
    contestants = ours(base, replicas) + opponents(base)
    with field_of(contestants, effort.cache, effort.tell) as (entrants, failed):
        rounds = min(SCREENING, effort.rounds)
        play(entrants, rounds=rounds, steps=effort.steps, random=Random(0), tell=effort.tell)
        ours_by_replicas: dict[int, list[Entrant]] = {number: [] for number in replicas}
        for entrant in entrants:
            if entrant.contestant.side == "ours":
                ours_by_replicas[entrant.contestant.replicas].append(entrant)
        theirs = [e for e in entrants if e.contestant.side == "torch"]
        groups = [*ours_by_replicas.values(), *([theirs] if theirs else [])]
        return Screening(
            ours_ms={number: medians(group) for number, group in ours_by_replicas.items()},
            torch_ms=medians(theirs),
            # The second allocator's processes find the first one's programs in the cache.
            cold_seconds={
                e.contestant.name: e.first_step_seconds for e in entrants if not e.contestant.keep_pages
            },
            failed=failed,
            chosen=[best(group).contestant for group in groups],
        )


def measure(
    base: Contestant,
    replicas: Sequence[int],
    effort: Effort,
    *,
    proof: Mapping[str, Any],
    rates: dict[str, float],
) -> list[dict[str, Any]]:
    """Measures a setting.

    Args:
        base: model, batch size, precision, device and threads.
        replicas: numbers of replicas of ours, one row for each.
        effort: how thoroughly.
        proof: of same work, for this model.
        rates: highest rate of matrix products by precision; measured and entered if missing.

    Returns:
        The rows, as JSON can hold them.
    """
    found = screen(base, replicas, effort)
    finalists = list(found.chosen)
    if finalists[-1].side == "torch":
        finalists += with_loaders(finalists[-1])
    with field_of(finalists, effort.cache, effort.tell) as (entrants, failed):
        found.failed.update(failed)
        busy = play(entrants, rounds=effort.rounds, steps=effort.steps, random=Random(1), tell=effort.tell)
        if base.precision not in rates:
            effort.tell("rate of matrix products")
            sides = {entrant.contestant.side: entrant.process for entrant in entrants}
            answers = [p.ask({"matmul": size}) for size in SIZES for p in sides.values()]
            rates[base.precision] = max(answer["rate"] for answer in answers)
    theirs = [entrant for entrant in entrants if entrant.contestant.side == "torch"]
    return [
        row(entrant, theirs, found, proof=proof, rate=rates[base.precision]) | {"busy_cores": busy}
        for entrant in entrants
        if entrant.contestant.side == "ours"
    ]
