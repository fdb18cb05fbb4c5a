"""The parent's end of the contestants' processes."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.contestants import PLATFORMS, Contestant

ROOT = Path(__file__).parents[1]


class BenchmarkError(Exception):
    """A measurement that could not be made; the message is one line."""


class Process:
    """A process of `benchmarks.worker` or `benchmarks.loops`, which answers one command at a time.

    Args:
        task: its first line.
        environment: variables on top of this process's own.
        module: the module that it runs.
    """

    def __init__(
        self, task: Mapping[str, Any], environment: Mapping[str, str], module: str = "benchmarks.worker"
    ) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=os.environ | dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            # Ctrl-C is the parent's to hear; the end of its input stops a worker.
            start_new_session=True,
        )
        self._send(task)

    def ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a command and waits for the answer.

        Args:
            command: one that the process's module takes.

        Returns:
            The answer.

        Raises:
            BenchmarkError: the process died.
        """
        self._send(command)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Waits for an answer.

        Returns:
            The answer.

        Raises:
            BenchmarkError: the process died.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        status = self._process.wait()
        self._errors.seek(0)
        raise BenchmarkError(reason(self._errors.read()) or f"its process ended with status {status}")

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _send(self, command: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the missing answer says so
            print(json.dumps(command), file=self._process.stdin, flush=True)


def start(contestant: Contestant, images: Path, cache: Path) -> Process:
    """Starts a contestant, which prepares at once.

    Args:
        contestant: the contestant.
        images: NumPy file of the training images.
        cache: directory for compiled programs, of JAX and of PyTorch.

    Returns:
        Its process; the first answer comes when it is ready.
    """
    caches = {
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "torch"),
    }
    task = {
        "contestant": contestant.record(),
        "images": str(images),
        "device": contestant.device,
        "threads": contestant.threads,
        "started": time.time(),
    }
    return Process(task, contestant.environment | caches)


def ask(question: Mapping[str, Any], device: str, threads: int) -> dict[str, Any]:
    """Answers a question in a process of its own.

    Args:
        question: {"prove": model} or {"describe": True}, see `benchmarks.worker`.
        device: "cpu", "gpu" or "tpu".
        threads: CPU threads.

    Returns:
        The answer.

    Raises:
        BenchmarkError: the process died.
    """
    process = Process(
        {**question, "device": device, "threads": threads}, {"JAX_PLATFORMS": PLATFORMS[device]}
    )
    try:
        return process.answer()
    finally:
        process.close()


def reason(text: str) -> str:
    """The line of a traceback that says what went wrong.

    Args:
        text: everything that a process has written to standard error.

    Returns:
        The line of the last exception; without one, the last line; empty if there is no line.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    exceptions = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Unsupported)\b", line)]
    return (exceptions or lines or [""])[-1]
