"""Contestants in processes of their own that take turns in random order."""

import multiprocessing
import random
import signal
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from tqdm import tqdm

from benchmarks.processes import BenchmarkError

_PATIENCE = 10
"""Seconds that a process has to end by itself."""


@dataclass(frozen=True)
class Contender:
    """A contestant's process.

    Attributes:
        side: what it runs.
        pipe: to the process.
    """

    side: Any
    pipe: Connection

    def hear(self) -> Any:
        """Waits for the next message of the process.

        Returns:
            The message.

        Raises:
            BenchmarkError: the process died.
        """
        try:
            return self.pipe.recv()
        except EOFError:
            raise BenchmarkError(f"{self.side} died; its own message is above.") from None


@contextmanager
def started(
    serve: Callable[[Any, Connection], None], sides: Sequence[Any]
) -> Iterator[tuple[list[Contender], list[Any]]]:
    """Starts contestants, one after the other, and ends them.

    Args:
        serve: runs in a process of each side: sends one message when it is ready, then one after each turn, for which
            it receives True.
        sides: its first arguments.

    Returns:
        A context manager, whose value is the contestants and the first message of each.

    Raises:
        BenchmarkError: a process died.
    """
    context = multiprocessing.get_context("spawn")
    contenders, messages, processes = [], [], []
    try:
        for side in tqdm(sides, desc="preparing", unit="side"):
            pipe, other = context.Pipe()
            processes.append(context.Process(target=_run, args=(serve, side, other)))
            processes[-1].start()
            other.close()
            contenders.append(Contender(side, pipe))
            messages.append(contenders[-1].hear())
        yield contenders, messages
    finally:
        for contender in contenders:
            contender.pipe.close()
        for process in processes:
            process.join(_PATIENCE)
            process.kill()


def _run(serve: Callable[[Any, Connection], None], side: Any, pipe: Connection) -> None:
    # Ctrl-C is the parent's to hear; the end of the pipe stops a process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError):
        serve(side, pipe)


def take_turns(contenders: Sequence[Contender], *, rounds: int) -> list[list[Any]]:
    """Lets every contestant run once a round, in random order.

    Args:
        contenders: of `started`.
        rounds: turns of each.

    Returns:
        What each sent after its turns.
    """
    answers: list[list[Any]] = [[] for _ in contenders]
    for _ in tqdm(range(rounds), desc="measuring", unit="round"):
        for turn in random.sample(range(len(contenders)), len(contenders)):
            contenders[turn].pipe.send(True)
            answers[turn].append(contenders[turn].hear())
    return answers


def ratio(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """How many times as fast ours is as theirs, each represented by the one with the smallest median.

    Args:
        ours: seconds of each of our contestants, round by round.
        theirs: of the others, in the same rounds.

    Returns:
        Smallest, median and largest ratio within a round.
    """
    best = [min(side, key=statistics.median) for side in (ours, theirs)]
    ratios = [slow / fast for fast, slow in zip(*best, strict=True)]
    return min(ratios), statistics.median(ratios), max(ratios)
