"""How a command ends: its exit status, and in one line on stderr what went wrong."""

import atexit
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NoReturn

import jax

from jaxvae import signals
from jaxvae.cli.distributed import tell_watcher
from jaxvae.cli.process import own_process
from jaxvae.cli.record import command
from jaxvae.types import RunStopped

# Threads that still compile are waited for before what `atexit` knows, and another Ctrl-C would make Python complain.
_at_exit: Callable[[Callable[[], None]], object] = getattr(threading, "_register_atexit", atexit.register)


def finish(work: Callable[[], None], *, workdir: Callable[[], Path | None] | None = None) -> NoReturn:
    """Does the work of a command and exits.

    Bad input and failures that a user can mend are one line on stderr: exit status 2 for what was asked for,
    1 for what went wrong on the way, 128 + n after signal n. Anything else is a bug and keeps its traceback. A command
    that ended early and well says so on stdout.

    Args:
        work: the command.
        workdir: the directory that its run has so far, if any; None for a command whose result is what it prints.
    """
    with own_process() as (caught, out):
        status = _status(work, workdir, caught)
        out.settle()
        if workdir is None and status == 0 and out.error is not None:
            status = _fail(f"{_reason(out.error)}: standard output.", 1)
    tell_watcher(status)
    _at_exit(signals.die_at_once)
    sys.exit(status)


def _status(work: Callable[[], None], workdir: Callable[[], Path | None] | None, caught: list[int]) -> int:
    kept = "" if workdir is None else " Checkpoints so far are kept."
    try:
        work()
    except RunStopped as error:
        return _stop(error)
    except (KeyboardInterrupt, Exception) as error:
        # Libraries may have turned the interrupt into an error of their own.
        if caught or isinstance(error, KeyboardInterrupt):
            kind = signal.Signals(caught[0] if caught else signal.SIGINT)
            directory = workdir and workdir()
            begun = directory is not None and (directory / "config.json").exists()
            return _stop(RunStopped(f"stopped by {kind.name}.", status=128 + kind, resumable=begun))
        if isinstance(error, OSError):
            named = f": {error.filename}" if error.filename else ""
            return _fail(f"{_reason(error)}{named}.{kept}", 1)
        if _out_of_memory(error):
            need = f"not enough memory: {_reason(error)}; a smaller batch, or fewer or smaller images, need less."
            return _fail(f"{need}{kept}", 1)
        if isinstance(error, ValueError) and _ours(error.__traceback__):
            return _fail(str(error), 2)
        raise
    return 0


def _reason(error: BaseException) -> str:
    reason = (getattr(error, "strerror", None) or str(error) or "none left").splitlines()[0]
    return reason.removeprefix("RESOURCE_EXHAUSTED: ").removesuffix(".")


def _out_of_memory(error: Exception) -> bool:
    exhausted = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    return exhausted or isinstance(error, MemoryError)


def _ours(trace: TracebackType | None) -> bool:
    """Whether an error was raised by this library's own sentence rather than from inside a dependency."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get("__name__", "") if trace else ""
    return name.split(".")[0] in ("jaxvae", "experiments", "__main__")


def _stop(error: RunStopped) -> int:
    if not error.status:
        print(error)
        return 0
    hint = f" Continue with: {command('--resume')}" if error.resumable else ""
    return _fail(f"{error}{hint}", error.status)


def _fail(message: str, status: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return status
