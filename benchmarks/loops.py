"""The process of `benchmarks.input`: the training loop of the experiments, one epoch on each request.

Speaks JSON, a line at a time, on standard input and output. The first line from the parent has "contestant", "images"
(a NumPy file) and "streamed"; every line that follows asks for an epoch, until the input ends.
"""

import ctypes
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from jaxtyping import PyTree

from benchmarks.contestants import Contestant
from benchmarks.ours import training
from benchmarks.worker import pin, status_bytes
from jaxvae import train

_FOREVER = 2**30


class Loop(ExitStack):
    """Trains by `jaxvae.train.fit` with its records and checkpoints; held open as a context.

    Args:
        contestant: model and settings of the training.
        images: uint8, [n, height, width, channels].
        streamed: whether the device holds the images of a few steps only.
    """

    def __init__(self, contestant: Contestant, images: np.ndarray, *, streamed: bool) -> None:
        super().__init__()
        self._setup = training(contestant, images, streamed=streamed)
        self._state, self._epochs, self._waited, self._trained = self._setup.state, 0, 0.0, 0.0

    def __enter__(self) -> "Loop":
        folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        replicas = list(self._setup.replicas)
        self._log = train.MetricLog(folder / "metrics.jsonl", folder / "tensorboard", replicas, step=0)
        self._checkpoints = train.Checkpoints(folder / "checkpoints")
        self._standing = train.Standing(folder / "diverged.json", replicas, step=0)
        self._feed = self.enter_context(
            train.open_feed(
                self._setup.program,
                self._setup.source,
                self._state,
                parallel=self._setup.parallel,
                length=train.CHUNK,
                stop=_FOREVER,
            )
        )
        return self

    def epoch(self) -> dict[str, Any]:
        """Trains an epoch and saves a checkpoint.

        Returns:
            "seconds" up to the checkpoint, "waited", the seconds in which a step could not begin because its input
            was not there, "images", and "resident_bytes", what the process holds of main memory after the checkpoint
            when its allocator has given back all that is free; None where the system does not say.
        """
        self._waited, started = 0.0, time.perf_counter()
        self._epochs += 1
        self._state = train.fit(
            self._state,
            self._setup.program,
            self._setup.source,
            self._timed_feed,
            epochs=self._epochs,
            standing=self._standing,
            evaluate=self._note_end,
            checkpoints=self._checkpoints,
            log=self._log,
        )
        gc.collect()
        if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
            # What the C library keeps for later comes and goes by hundreds of megabytes.
            library.malloc_trim(0)
        return {
            "seconds": self._trained - started,
            "waited": self._waited,
            "images": self._setup.source.examples_per_epoch,
            "resident_bytes": status_bytes("VmRSS"),
        }

    def _timed_feed(self, state: train.TrainState) -> tuple[Any, PyTree]:
        started = time.perf_counter()
        window = self._feed(state)
        self._waited += time.perf_counter() - started
        return window

    def _note_end(
        self, state: train.TrainState, replicas: Mapping[int, train.Replica]
    ) -> dict[int, dict[str, float]]:
        """Called in place of an evaluation."""
        self._trained = time.perf_counter()
        return {number: {"loss": 0.0} for number in replicas}


def serve(task: dict[str, Any], commands: TextIO, answers: TextIO) -> None:
    """Trains an epoch for each command.

    Args:
        task: the first line.
        commands: further lines from the parent.
        answers: a line for each.
    """
    contestant, images = Contestant(**task["contestant"]), np.load(task["images"], mmap_mode="r")
    with Loop(contestant, images, streamed=task["streamed"]) as loop:
        for _ in commands:
            print(json.dumps(loop.epoch()), file=answers, flush=True)


def main() -> None:
    """Runs until the parent closes the pipe."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    task = json.loads(sys.stdin.readline())
    if task["contestant"]["device"] == "cpu":
        pin(task["contestant"]["threads"])
    serve(task, sys.stdin, answers)


if __name__ == "__main__":
    main()
