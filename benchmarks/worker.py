"""The process of one contestant: prepares, then trains on each request.

Speaks JSON, a line at a time, on standard input and output. The first line from the parent says what to do:
{"contestant": ..., "images": file, "started": seconds}, {"prove": model} or {"describe": true}; always with "device"
and "threads". A contestant answers when its first step is done, and then one answer to each {"seconds": s}, for which
it trains about that long, or {"matmul": size}, until its input ends. The other two messages are single questions.
"""

import json
import os
import resource
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from benchmarks.contestants import Contestant

WARM_UP = 2
"""Steps before each timed turn, which bring caches and clocks back after another's turn."""

REPEATS = 3
"""Number of timings of a matrix product."""

_STATUS = Path("/proc/self/status")


def pin(threads: int) -> None:
    """Restricts this process, and the machine that JAX sees, to this number of cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def prove(model: str, device: str) -> dict[str, Any]:
    """The proof that both sides do the same work, for a model."""
    from benchmarks import proof
    from benchmarks.workloads import WORKLOADS

    return proof.prove(WORKLOADS[model], "cuda" if device == "gpu" else "cpu")


def describe(device: str) -> dict[str, Any]:
    """What JAX, and PyTorch if installed, find on this machine; fails if JAX finds no such device."""
    import jax

    found: dict[str, Any] = {"jax_devices": [f"{d.platform}: {d.device_kind}" for d in jax.devices()]}
    if find_spec("torch") is None:
        return found
    import torch

    accelerated = device == "gpu" and torch.cuda.is_available()
    return found | {"torch_device": torch.cuda.get_device_name() if accelerated else None}


def peak_resident() -> int:
    """Peak main memory of this process so far, in bytes."""
    # What getrusage says includes the parent's, from before this program was loaded.
    return status_bytes("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def status_bytes(name: str) -> int | None:
    """Bytes of main memory of this process.

    Args:
        name: "VmRSS" for those that it holds, "VmHWM" for the most that it has held so far.

    Returns:
        The bytes; None if the system does not say.
    """
    if not _STATUS.exists():
        return None
    (line,) = [line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def serve(
    contestant: Contestant, images: np.ndarray, started: float, commands: TextIO, answers: TextIO
) -> None:
    """Prepares a contestant and answers commands.

    Args:
        contestant: the contestant.
        images: training images, uint8, [n, height, width, channels].
        started: when the process was started, seconds since the epoch.
        commands: lines from the parent.
        answers: lines to the parent.
    """
    if contestant.side == "ours":
        from benchmarks import ours as side

        player: Any = side.Ours(contestant, images)
    else:
        from benchmarks import opponent as side  # type: ignore[no-redef]

        player = side.Opponent(contestant, images)  # type: ignore[attr-defined]
    player.run(1)
    _say(answers, {"first_step_seconds": time.time() - started})
    pace = None
    for line in commands:
        command = json.loads(line)
        if "matmul" in command:
            rate = side.matmul_rate(contestant.precision, contestant.device, command["matmul"], REPEATS)
            _say(answers, {"rate": rate})
            continue
        warm_up = player.run(WARM_UP) / WARM_UP
        steps = max(1, round(command["seconds"] / (pace or warm_up)))
        seconds = player.run(steps)
        pace = seconds / steps
        peak = player.peak_memory() or peak_resident()
        _say(answers, {"seconds": seconds, "steps": steps, "peak_bytes": peak})


def main() -> None:
    """Runs until the parent closes the pipe."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    task = json.loads(sys.stdin.readline())
    if task["device"] == "cpu":
        pin(task["threads"])
    if "prove" in task:
        _say(answers, prove(task["prove"], task["device"]))
    elif "describe" in task:
        _say(answers, describe(task["device"]))
    else:
        contestant, images = Contestant(**task["contestant"]), np.load(task["images"])
        serve(contestant, images, task["started"], sys.stdin, answers)


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    print(json.dumps(message), file=answers, flush=True)


if __name__ == "__main__":
    main()
