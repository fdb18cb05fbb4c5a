"""Replicas whose numbers become infinite or NaN: they are named and left out, and the others go on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import jax
import numpy as np
from jaxtyping import Float

from jaxvae.files import write_atomically
from jaxvae.screen import say
from jaxvae.train.incidents import read_incidents
from jaxvae.train.rollback import RollBack, Rollbacks
from jaxvae.train.skipping import SKIPPED
from jaxvae.train.state import Replica, TrainState
from jaxvae.types import RunStopped

Reasons: TypeAlias = Mapping[int, str]
"""What became infinite or NaN, by the replica's number on the leading axis."""

OnNaN: TypeAlias = Literal["stop", "drop"]
"""What happens to the other replicas when one diverges."""

_REMEDY = (
    "what was saved before is kept. Start again with a lower learning rate or clipped gradients, in another "
    "--workdir or with --overwrite."
)
_WITHOUT = "what was saved before is kept. Go on without this replica with --resume --on-nan drop."


class NonFiniteError(RunStopped):
    """A loss term, a gradient or a parameter became infinite or NaN, and no replica goes on.

    Attributes:
        reason: what became of which replica.
    """

    def __init__(self, reason: str, *, others: bool = False) -> None:
        super().__init__(f"{reason}; {_WITHOUT if others else _REMEDY}")
        self.reason = reason


class Standing:
    """The replicas of a training that have not diverged.

    Args:
        path: diverged.json, which names the others. Entries of later steps, left by a run that was killed, are removed.
        replicas: in the order of the leading axis.
        step: step of the state that training starts from.
        on_nan: "drop" goes on with the other replicas when one diverges, "stop" does not.
        rollbacks: which replicas have gone back how often; None if none may.

    Raises:
        ValueError: the file is damaged.

    Attributes:
        replicas: those still training, by number on the leading axis.
    """

    def __init__(
        self,
        path: Path,
        replicas: Sequence[Replica],
        *,
        step: int,
        on_nan: OnNaN = "drop",
        rollbacks: Rollbacks | None = None,
    ) -> None:
        self._path, self._on_nan, self._rollbacks = path, on_nan, rollbacks
        entries = read_incidents(path)
        self._entries = [entry for entry in entries if entry["step"] <= step]
        if self._entries != entries:
            self._write()
        gone = {(entry["variant"], entry["seed"]) for entry in self._entries}
        self.replicas = {n: r for n, r in enumerate(replicas) if (r.variant, r.seed) not in gone}

    def drop(self, reasons: Reasons, *, step: int) -> None:
        """Goes on without some replicas, and says so, if the training neither goes back nor stops.

        Args:
            reasons: what became of them; those that are out already are passed over.
            step: updates made before it was seen.

        Raises:
            NonFiniteError: no replica is left, or one that is lost stops the others.
            RollBack: a replica is to go on from the last good checkpoint with a smaller rate.
        """
        new = {number: reason for number, reason in reasons.items() if number in self.replicas}
        if not new:
            return
        if self._rollbacks is not None and (due := self._rollbacks.due(new)):
            raise RollBack(due, step=step)
        others = len(new) < len(self.replicas)
        if self._on_nan == "stop" or not others:
            raise NonFiniteError(next(iter(new.values())), others=others)
        for number, reason in new.items():
            replica = self.replicas.pop(number)
            self._entries.append(
                {"variant": replica.variant, "seed": replica.seed, "step": step, "reason": reason}
            )
            say(f"{reason}; the other replicas go on without it.")
        self._write()

    def _write(self) -> None:
        write_atomically(self._path, f"{json.dumps(self._entries, indent=2)}\n".encode())


def read_diverged(path: Path) -> dict[tuple[str, int], str]:
    """Reads which replicas of a training diverged.

    Args:
        path: diverged.json; need not exist.

    Returns:
        What happened, by variant and seed.

    Raises:
        ValueError: the file is damaged.
    """
    return {(entry["variant"], entry["seed"]): entry["reason"] for entry in read_incidents(path)}


def non_finite_metrics(
    metrics: Mapping[str, Float[np.ndarray, "r k"] | Mapping[int, Float[np.ndarray, " k"]]],
    first: int,
    replicas: Mapping[int, Replica],
) -> dict[int, str]:
    """Finds the first step of each replica at which a number is infinite or NaN, those left out not counted.

    Args:
        metrics: every term at each of k steps, by the replica's number.
        first: number of the first of these steps.
        replicas: those to look at, by number on the leading axis.

    Returns:
        Terms, value and step for each replica that diverged.
    """
    terms = {name: values for name, values in metrics.items() if not name.endswith("_weighted")}
    reasons = {}
    for number, replica in replicas.items():
        wrong = {name: ~np.isfinite(values[number]) for name, values in terms.items()}
        steps = np.any(list(wrong.values()), axis=0)
        if SKIPPED in metrics:
            steps &= metrics[SKIPPED][number] == 0
        if steps.any():
            at = int(np.argmax(steps))
            names = [name for name, bad in wrong.items() if bad[at]]
            value = terms[names[0]][number][at]
            reasons[number] = f"{', '.join(names)} became {value} at step {first + at} in replica '{replica}'"
    return reasons


def non_finite_state(state: TrainState, replicas: Mapping[int, Replica]) -> dict[int, str]:
    """Finds parameters and statistics that the last update left infinite or NaN.

    Args:
        state: of all replicas.
        replicas: those to look at, by number on the leading axis.

    Returns:
        Array and step for each replica that diverged.
    """
    leaves = jax.tree_util.tree_leaves_with_path(jax.device_get((state.params, state.model_state)))
    reasons = {}
    for number, replica in replicas.items():
        wrong = (path for path, leaf in leaves if not np.isfinite(leaf[number]).all())
        if (path := next(wrong, None)) is not None:
            name = jax.tree_util.keystr(path[1:], simple=True, separator="/")
            reasons[number] = (
                f"{name} is not finite after step {int(state.step[number])} in replica '{replica}'"
            )
    return reasons
