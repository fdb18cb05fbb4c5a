"""Going back to the last good checkpoint with a smaller learning rate, when a replica diverges."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from jaxvae.files import write_atomically
from jaxvae.screen import say
from jaxvae.train.incidents import read_incidents
from jaxvae.train.state import RATE, Replica

MOST = 3
"""How often one replica goes back."""

FACTOR = 0.5
"""What its learning rate is multiplied by each time."""


_NUMBERS = ("to", "rate")


class RollBack(Exception):  # noqa: N818
    """The training is to go back to its last good checkpoint.

    Attributes:
        reasons: what became infinite or NaN in the replicas whose rate falls, by number on the leading axis.
        step: updates made before it was seen.
    """

    def __init__(self, reasons: Mapping[int, str], *, step: int) -> None:
        super().__init__("; ".join(reasons.values()))
        self.reasons = reasons
        self.step = step


class Rollbacks:
    """How often each replica has gone back, and why.

    All replicas go back together, because they share their steps; those that had not diverged make the same updates
    again and end where they would have ended.

    Args:
        path: rollbacks.json. Entries of checkpoints later than `step`, left by a run that was killed, are removed.
        replicas: in the order of the leading axis.
        step: step of the state that training starts from.

    Raises:
        ValueError: the file is damaged.
    """

    def __init__(self, path: Path, replicas: Sequence[Replica], *, step: int) -> None:
        self._path, self._all = path, replicas
        entries = read_incidents(path, *_NUMBERS)
        self._entries = [entry for entry in entries if entry["to"] <= step]
        if self._entries != entries:
            self._write()

    def due(self, reasons: Mapping[int, str]) -> dict[int, str]:
        """Those of some replicas that diverged and may go back.

        Args:
            reasons: what became of them, by number on the leading axis.

        Returns:
            The same without replicas that have gone back `MOST` times.
        """
        return {number: reason for number, reason in reasons.items() if self._count(number) < MOST}

    def add(self, back: RollBack, *, to: int) -> None:
        """Records that the training goes back, and says so.

        Args:
            back: why.
            to: step of the checkpoint that it goes on from.
        """
        for number, reason in back.reasons.items():
            replica = self._all[number]
            rate = FACTOR ** (self._count(number) + 1)
            self._entries.append(
                {
                    "variant": replica.variant,
                    "seed": replica.seed,
                    "step": back.step,
                    "to": to,
                    "rate": rate,
                    "reason": reason,
                }
            )
            say(f"{reason}; going on from step {to} at {rate:g} of its learning rate.")
        self._write()

    @property
    def rates(self) -> Float[np.ndarray, " r"]:
        """What the learning rate of each replica is multiplied by."""
        return np.array([FACTOR ** self._count(number) for number in range(len(self._all))], np.float32)

    def _count(self, number: int) -> int:
        replica = self._all[number]
        return sum(
            (entry["variant"], entry["seed"]) == (replica.variant, replica.seed) for entry in self._entries
        )

    def _write(self) -> None:
        write_atomically(self._path, f"{json.dumps(self._entries, indent=2)}\n".encode())


def read_rollbacks(path: Path) -> list[tuple[str, int, str]]:
    """Reads which replicas of a training went back.

    Args:
        path: rollbacks.json; need not exist.

    Returns:
        Variant, seed and what happened, in a sentence without its full stop, in order.

    Raises:
        ValueError: the file is damaged.
    """
    entries = read_incidents(path, *_NUMBERS)
    return [
        (
            entry["variant"],
            entry["seed"],
            f"{entry['reason']}; went on from step {entry['to']} at {entry['rate']:g} of its learning rate",
        )
        for entry in entries
    ]


def with_rate(replicas: Sequence[Replica]) -> list[Replica]:
    """Gives replicas the factor of their learning rate as a hyper-parameter, 1 at first.

    Args:
        replicas: the runs to train.

    Returns:
        The same with it.
    """
    return [dataclasses.replace(each, hyper={**each.hyper, RATE: 1.0}) for each in replicas]
