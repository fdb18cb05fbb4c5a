"""Rounds between processes that take turns, and what comes out of them."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.contestants import Contestant
from benchmarks.measures import spread
from benchmarks.processes import BenchmarkError, Process, start

PAUSE = 0.1
"""Seconds before a turn, in which the threads of the turn before fall asleep and other programs are noticed."""

_STAT = Path("/proc/stat")


@dataclass(eq=False)
class Entrant:
    """A contestant with its process.

    Attributes:
        contestant: who.
        process: where it runs.
        first_step_seconds: from the start of the process to the end of its first step.
        milliseconds: of a step, in each round.
        peak_bytes: most memory in use so far.
    """

    contestant: Contestant
    process: Process
    first_step_seconds: float
    milliseconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0

    @property
    def median(self) -> float:
        """Median milliseconds of a step."""
        return spread(self.milliseconds).median

    def turn(self, steps: int) -> None:
        """Trains for a while; the more replicas, the fewer steps."""
        count = max(1, steps // self.contestant.replicas)
        answer = self.process.ask({"steps": count})
        self.milliseconds.append(1e3 * answer["seconds"] / count)
        self.peak_bytes = answer["peak_bytes"]


@contextmanager
def field_of(
    contestants: Sequence[Contestant], cache: Path, tell: Callable[[str], None]
) -> Iterator[tuple[list[Entrant], dict[str, str]]]:
    """Starts contestants one after the other, and ends them.

    Args:
        contestants: who.
        cache: directory for compiled programs.
        tell: is told what is going on.

    Yields:
        Those that are ready, and for each other variant of PyTorch its name and what kept it.

    Raises:
        BenchmarkError: one of ours does not start.
    """
    ready: list[Entrant] = []
    failed: dict[str, str] = {}
    processes: list[Process] = []
    try:
        for contestant in contestants:
            tell(f"preparing {contestant.name}")
            processes.append(start(contestant, cache))
            try:
                ready.append(Entrant(contestant, processes[-1], processes[-1].answer()["first_step_seconds"]))
            except BenchmarkError as error:
                if contestant.side == "ours":
                    raise BenchmarkError(f"{contestant.name} does not start: {error}") from None
                failed[contestant.name] = str(error)
        yield ready, failed
    finally:
        for process in processes:
            process.close()


def play(
    entrants: Sequence[Entrant], *, rounds: int, steps: int, random: Random, tell: Callable[[str], None]
) -> float:
    """Lets each have one turn in every round, in random order, alone among the contestants.

    Args:
        entrants: changed in place: each gains `rounds` times.
        rounds: how many.
        steps: in a turn.
        random: of the order.
        tell: is told what is going on.

    Returns:
        Cores that were busy between the turns, with other programs than the contestants.
    """
    busy = waited = 0.0
    for number in range(1, rounds + 1):
        for entrant in random.sample(entrants, len(entrants)):
            tell(f"round {number}/{rounds}, {entrant.contestant.name}")
            time.sleep(PAUSE / 2)
            started, before = time.perf_counter(), busy_seconds()
            time.sleep(PAUSE)
            busy += busy_seconds() - before
            waited += time.perf_counter() - started
            entrant.turn(steps)
    return busy / waited


def busy_seconds() -> float:
    """Seconds that all cores together have worked since the machine started; 0 where the system does not say."""
    if not _STAT.exists():
        return 0.0
    user, nice, system, _, _, *interrupts = map(int, _STAT.read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def best(entrants: Sequence[Entrant]) -> Entrant:
    """The one with the smallest median.

    Args:
        entrants: at least one, with times.

    Returns:
        The fastest.
    """
    return min(entrants, key=lambda entrant: entrant.median)


def medians(entrants: Sequence[Entrant]) -> dict[str, float]:
    """Median milliseconds of a step by name of the variant.

    Args:
        entrants: with times.

    Returns:
        One number each.
    """
    return {entrant.contestant.name: entrant.median for entrant in entrants}
