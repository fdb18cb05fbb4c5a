"""Rounds between processes that take turns, and their times."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Self

from benchmarks.contestants import Contestant
from benchmarks.measures import spread
from benchmarks.processes import BenchmarkError, Process, start

PAUSE = 0.1
"""Seconds before a turn, in which the threads of the previous turn fall asleep and other programs are noticed."""

_STAT = Path("/proc/stat")


@dataclass(eq=False)
class Entrant:
    """A contestant with its process.

    Attributes:
        contestant: what runs in it.
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

    def turn(self, seconds: float) -> None:
        """Trains for about the given number of seconds."""
        answer = self.process.ask({"seconds": seconds})
        self.milliseconds.append(1e3 * answer["seconds"] / answer["steps"])
        self.peak_bytes = answer["peak_bytes"]


class Field:
    """Running contestants; their processes end when the context is left.

    Args:
        images: NumPy file of what they train on.
        cache: directory for compiled programs.
        tell: receives messages about the progress.

    Attributes:
        entrants: those that are ready.
        failed: names of those that do not run, each with the reason.
    """

    def __init__(self, images: Path, cache: Path, tell: Callable[[str], None]) -> None:
        self.entrants: list[Entrant] = []
        self.failed: dict[str, str] = {}
        self._images, self._cache, self._tell = images, cache, tell
        self._processes: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._processes:
            process.close()

    def admit(self, contestants: Sequence[Contestant]) -> list[Entrant]:
        """Starts contestants one after the other.

        Args:
            contestants: which ones.

        Returns:
            Those of them that are ready.
        """
        ready = []
        for contestant in contestants:
            self._tell(f"preparing {contestant.name}")
            process = start(contestant, self._images, self._cache)
            self._processes.append(process)
            try:
                ready.append(Entrant(contestant, process, process.answer()["first_step_seconds"]))
            except BenchmarkError as error:
                self.failed[contestant.name] = str(error)
        self.entrants += ready
        return ready

    def play(self, entrants: Sequence[Entrant], *, rounds: int, seconds: float, random: Random) -> float:
        """Lets each have one turn in every round, in random order, alone among the contestants.

        Args:
            entrants: changed in place: each gains `rounds` times; one whose process dies is removed.
            rounds: number of rounds.
            seconds: approximate length of a turn.
            random: source of the order.

        Returns:
            Number of cores that other programs kept busy between the turns.
        """
        busy = waited = 0.0
        for number in range(1, rounds + 1):
            for entrant in random.sample(entrants, len(entrants)):
                if entrant not in self.entrants:
                    continue
                self._tell(f"round {number}/{rounds}, {entrant.contestant.name}")
                time.sleep(PAUSE / 2)
                started, before = time.perf_counter(), busy_seconds()
                time.sleep(PAUSE)
                busy += busy_seconds() - before
                waited += time.perf_counter() - started
                try:
                    entrant.turn(seconds)
                except BenchmarkError as error:
                    self.failed[entrant.contestant.name] = str(error)
                    self.entrants.remove(entrant)
        return busy / waited if waited else 0.0


def busy_seconds() -> float:
    """Seconds that all cores together have worked since the machine started; 0 where the system does not say."""
    if not _STAT.exists():
        return 0.0
    user, nice, system, _, _, *interrupts = map(int, _STAT.read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
