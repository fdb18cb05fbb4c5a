"""The metrics of a run while it trains: metrics.jsonl and TensorBoard events, both resumable."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from jaxvae.files import append, exists, write_atomically
from jaxvae.records import Record, is_record, read_lines
from jaxvae.screen import say
from jaxvae.train.events import EventFile
from jaxvae.train.state import Replica


class MetricLog:
    """Writes named numbers to metrics.jsonl, one JSON object per line, and to TensorBoard.

    Both are on disk when a record is written, and TensorBoard begins with what metrics.jsonl holds.

    Args:
        path: of metrics.jsonl. Lines that are damaged are left out, which the screen says, and the file as it was is
            kept as metrics.jsonl.damaged.
        tensorboard: directory for the event files, with a subdirectory per replica.
        replicas: the replicas whose numbers will be recorded.
        step: step of the state that training starts from. Records of later steps, left by a killed run, are removed,
            so that the file reads as if the run had not been interrupted. If the file ends before that step, the
            screen says so.
    """

    def __init__(self, path: Path, tensorboard: Path, replicas: list[Replica], *, step: int) -> None:
        self._path = path
        kept = [record for record in self._read() if record["step"] <= step]
        write_atomically(path, "".join(map(_line, kept)).encode())
        last = max((record["step"] for record in kept), default=0)
        if last < step:
            say(f"{path} ends at step {last}; the records up to the checkpoint of step {step} are lost")
        self._events = {
            str(replica): EventFile(
                tensorboard / f"{replica.variant.replace(' ', '_')}-seed{replica.seed}",
                (r for r in kept if (r["variant"], r["seed"]) == (replica.variant, replica.seed)),
            )
            for replica in replicas
        }

    def write(
        self,
        replica: Replica,
        *,
        epoch: int,
        step: int,
        split: Literal["train", "validation"],
        values: Mapping[str, float],
    ) -> None:
        """Records numbers of one replica.

        Args:
            replica: the replica.
            epoch: number of the epoch, from 1.
            step: number of updates made.
            split: the data that the numbers were measured on.
            values: by name, each in the unit of its metric.

        Raises:
            OSError: the disk is full or not writable, or the run's directory is gone.
        """
        head: Record = {
            "variant": replica.variant,
            "seed": replica.seed,
            "epoch": epoch,
            "step": step,
            "split": split,
        }
        record = head | dict(values)
        append(self._path, _line(record).encode())
        self._events[str(replica)].write(record)

    def _read(self) -> list[Record]:
        if not exists(self._path):
            return []
        records, damaged = read_lines(self._path, is_record)
        if damaged:
            kept = write_atomically(f"{self._path}.damaged", self._path.read_bytes())
            numbers = ", ".join(map(str, damaged))
            say(f"{self._path} is damaged in line {numbers}, whose records are lost; {kept} is as it was")
        return records


def _line(record: Record) -> str:
    return json.dumps(record, allow_nan=False) + "\n"
