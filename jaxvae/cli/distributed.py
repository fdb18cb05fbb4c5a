"""Several processes that train one run, joined by `jax.distributed` before JAX has looked for devices."""

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import replace
from types import FrameType
from typing import Any, NoReturn

import jax

from jaxvae.cli.config import RunConfig
from jaxvae.cli.record import command
from jaxvae.processes import is_first, tell
from jaxvae.signals import STOPPING, die_at_once
from jaxvae.types import RunStopped

_SILENCE = 30
"""Seconds without a sign of life after which a process counts as dead."""

_PATIENCE = 10
"""Seconds that a process that ends early waits for the others to end with it."""

_STATUS = "(UNKNOWN|UNAVAILABLE|DEADLINE_EXCEEDED|ABORTED|CANCELLED|INTERNAL|FAILED_PRECONDITION): "
"""How errors begin that come from the connection to others."""

_LOST = "another process of the run has ended or cannot be reached; what was saved before is kept."

_watchers: list[int] = []
"""The end of a pipe that tells the process's watcher its exit status."""


@contextmanager
def joined(config: RunConfig) -> Iterator[None]:
    """Joins the processes that train the run with this one, if there are others.

    From then on the process is watched by the one that called, since JAX ends it without a sentence if the first
    process dies, or one that is silent for half a minute. All processes but the first print nothing but errors.

    Args:
        config: flags, which say so; else a launcher's environment may: SLURM's, Open MPI's, that of a TPU pod, or
            JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID.

    Raises:
        ValueError: variables of the environment that name no process.
        RunStopped: the others cannot be reached, or not any more.
    """
    given = _given(config)
    if jax.distributed.is_initialized() or (given is None and not _launched()):
        yield
        return
    _watch(config)
    handlers = {kind: signal.getsignal(kind) for kind in STOPPING}
    try:
        die_at_once()  # since Python hears no signal while JAX waits for the others
        jax.distributed.initialize(
            **(given or {}), heartbeat_timeout_seconds=_SILENCE, shutdown_timeout_seconds=_PATIENCE
        )
    except (RuntimeError, ValueError) as error:
        where = f" at {given['coordinator_address']}" if given else ""
        raise RunStopped(
            f"the processes of the run did not find each other{where}: {str(error).splitlines()[0]}"
        ) from None
    finally:
        for (
            kind,
            handler,
        ) in handlers.items():  # SIGTERM too, which JAX takes for a notice that the machine will go
            signal.signal(kind, handler)
    try:
        with nullcontext() if is_first() else _silence():
            yield
            tell(0)  # which takes as long as the slowest needs
    except (RuntimeError, ValueError) as error:  # JAX raises what Gloo tells as ValueError
        if not re.match(_STATUS, str(error)):
            raise
        print(f"error: {_LOST}{_hint(config)}", file=sys.stderr, flush=True)
        tell_watcher(1)
        os._exit(1)  # without waiting for the others


def _given(config: RunConfig) -> dict[str, Any] | None:
    """Arguments of `jax.distributed.initialize` from flags or from variables of the same meaning."""
    if config.coordinator is None:
        names = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
        address, *counts = (os.environ.get(name) for name in names)
        if address is None or None in counts:
            return None
        for name, count in zip(names[1:], counts, strict=True):
            if not str(count).isdecimal():
                raise ValueError(f"{name} must be a number from 0, got {count!r}.")
        processes, process = (int(str(each)) for each in counts)
        config = replace(config, coordinator=address, processes=processes, process=process)
    return {
        "coordinator_address": config.coordinator,
        "num_processes": config.processes,
        "process_id": config.process,
    }


def _launched() -> bool:
    """Whether a launcher that JAX knows has started several processes."""
    counts = ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")
    hosts = ("TPU_PROCESS_ADDRESSES", "TPU_WORKER_HOSTNAMES")
    if any(int(os.environ.get(name) or 1) > 1 for name in counts):
        return True
    if any("," in os.environ.get(name, "") for name in hosts):
        return True
    # JAX says so where it has found a TPU. Only Google's own machines answer who the others are, not a notebook's.
    notebook = any(name.startswith(("COLAB_", "KAGGLE_")) for name in os.environ)
    return (
        os.environ.get("TPU_ML_PLATFORM") == "JAX" and "TPU_SKIP_MDS_QUERY" not in os.environ and not notebook
    )


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _hint(config: RunConfig) -> str:
    begun = (config.workdir.expanduser() / "config.json").exists()
    return f" Continue with: {command('--resume')}" if begun else ""


def tell_watcher(status: int) -> None:
    """Says how the process is about to end; does nothing if it is alone.

    Args:
        status: of the process, from 0 to 255.
    """
    for end in _watchers:
        os.write(end, bytes([status]))


def _watch(config: RunConfig) -> None:
    """Goes on in a process of its own, which this one waits for."""
    if not hasattr(os, "fork"):
        return
    told, tells = os.pipe()
    alive, lives = os.pipe()
    child = os.fork()
    if child:
        os.close(tells)
        os.close(alive)
        _wait(child, told, config)
    os.close(told)
    os.close(lives)
    _watchers.append(tells)
    threading.Thread(target=_end_with_watcher, args=(alive,), daemon=True).start()


def _end_with_watcher(alive: int) -> None:
    os.read(alive, 1)  # ends when the watcher is gone
    os.kill(os.getpid(), signal.SIGTERM)


def _wait(child: int, told: int, config: RunConfig) -> NoReturn:
    """Passes signals on, and ends as the process ends; if it was ended by JAX, with a sentence."""

    def forward(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, forward)
    _, ended = os.waitpid(child, 0)
    told_status = os.read(told, 1)
    if told_status:
        os._exit(told_status[0])
    if not os.WIFSIGNALED(ended):
        os._exit(os.waitstatus_to_exitcode(ended))
    kind = signal.Signals(os.WTERMSIG(ended))
    by_jax = kind == signal.SIGABRT
    cause = _LOST if by_jax else f"stopped by {kind.name}."
    print(f"error: {cause}{_hint(config)}", file=sys.stderr, flush=True)
    os._exit(1 if by_jax else 128 + kind)
