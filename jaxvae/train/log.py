"""The metrics of a run while it trains: metrics.jsonl and TensorBoard events, both resumable."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal

from tensorboardX import SummaryWriter

from jaxvae.files import write_atomically
from jaxvae.screen import say
from jaxvae.train.state import Replica


class MetricLog:
    """Writes named numbers to metrics.jsonl, one JSON object per line, and to TensorBoard.

    metrics.jsonl is closed after each line, because folders that a network mounts, such as Google Drive in Colab, may
    not keep what is in an open file when the machine is lost.

    Args:
        path: of metrics.jsonl.
        tensorboard: directory for the event files, with a subdirectory per replica.
        replicas: the replicas whose numbers will be recorded.
        step: step of the state that training starts from. Records of later steps, left by a killed run, are removed,
            so that the file reads as if the run had not been interrupted. If the file ends before that step, the
            screen says so.
    """

    def __init__(self, path: Path, tensorboard: Path, replicas: list[Replica], *, step: int) -> None:
        lines = _complete_lines(path)
        steps = [json.loads(line)["step"] for line in lines]
        kept = [line for line, at in zip(lines, steps, strict=True) if at <= step]
        write_atomically(path, "".join(f"{line}\n" for line in kept).encode())
        self._path = path
        last = max((at for at in steps if at <= step), default=0)
        if last < step:
            say(f"{path} ends at step {last}; the records up to the checkpoint of step {step} are lost")
        self._writers = {
            str(replica): SummaryWriter(
                str(tensorboard / f"{replica.variant.replace(' ', '_')}-seed{replica.seed}"),
                purge_step=step + 1,
            )
            for replica in replicas
        }

    def __enter__(self) -> "MetricLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()

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
        """
        head = {
            "variant": replica.variant,
            "seed": replica.seed,
            "epoch": epoch,
            "step": step,
            "split": split,
        }
        with self._path.open("a") as file:
            file.write(json.dumps(head | dict(values), allow_nan=False) + "\n")
        for name, value in values.items():
            self._writers[str(replica)].add_scalar(f"{split}/{name}", value, step)


def _complete_lines(path: Path) -> list[str]:
    """Lines of a file that end in a newline; a killed run can leave half a line."""
    if not path.exists():
        return []
    return [line.rstrip("\n") for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
