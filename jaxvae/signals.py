"""Signals that ask a process to stop."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGXCPU")

STOPPING = tuple(signal.Signals[name] for name in _NAMES if name in signal.Signals.__members__)
"""Ctrl-C, a polite kill, a terminal that was closed, and a limit of CPU time, as far as the system has them."""

MOMENT = 0.5
"""Seconds within which a signal that comes again is the same one; a launcher may pass on what a terminal sends too."""


@contextmanager
def heard(first: Callable[[int], None], *, then_die: bool) -> Iterator[list[int]]:
    """Hears signals of `STOPPING`, but for those that are ignored, as `nohup` wants it for SIGHUP.

    SIGINT is heard always: scripts start every command in the background such that it ignores it. A signal that comes
    again more than `MOMENT` later acts at once; that of CPU time, which the system repeats, never does. Off the main
    thread, where Python does not hear signals, nothing changes.

    Args:
        first: called with the number of the first one.
        then_die: whether a second one ends the process at once; otherwise it acts as before this context.

    Returns:
        A context with a list that gets the number of the first one. Where it is cleared, the next is a first one.
    """
    caught: list[int] = []
    since = 0.0

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal since
        if not caught:
            caught.append(number)
            since = time.monotonic()
            first(number)
        elif number != getattr(signal, "SIGXCPU", None) and time.monotonic() - since > MOMENT:
            signal.signal(number, signal.SIG_DFL if then_die else before[signal.Signals(number)])
            signal.raise_signal(number)

    kinds = STOPPING if _on_main_thread() else ()
    before = {kind: signal.getsignal(kind) for kind in kinds}
    before = {kind: handler for kind, handler in before.items() if _meant(kind, handler)}
    for kind in before:
        signal.signal(kind, hear)
    try:
        yield caught
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def die_at_once() -> None:
    """Lets signals of `STOPPING` end the process without a word from now on, but for those that are ignored."""
    for kind in STOPPING if _on_main_thread() else ():
        if _meant(kind, signal.getsignal(kind)):
            signal.signal(kind, signal.SIG_DFL)


def _meant(kind: signal.Signals, handler: object) -> bool:
    return handler is not None and (kind == signal.SIGINT or handler != signal.SIG_IGN)


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
