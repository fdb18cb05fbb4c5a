"""Settings of a whole process for a command line: signals, screen, tracebacks, compile cache. Imports set none."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import jax

from jaxvae import screen
from jaxvae.files import cache_directory
from jaxvae.signals import heard

_AGAIN_AFTER = 0.1
"""Seconds until a signal whose exception was lost is sent again."""

_BETWEEN_COLLECTIONS = 100_000
"""Objects that are made before garbage is searched for; Python's default is 700, or 2,000 from 3.13 on."""

_SHORTEST_COMPILATION = 0.1
"""Seconds of compilation below which a program is not cached."""


@contextmanager
def own_process() -> Iterator[tuple[list[int], screen.Stream]]:
    """Makes each signal that asks the process to stop end it as Ctrl-C does, with its number in the exception.

    Python loses an exception that is raised in a destructor or in a callback of the garbage collector, and JAX has such
    a callback; the signal is then sent again. Within this context what cannot be printed is lost, and JAX keeps its own
    frames in tracebacks, so that the origin of an error is visible.

    Yields:
        The number of the signal that has come, if one has, and the stream of stdout.
    """

    def interrupt(number: int) -> NoReturn:
        raise KeyboardInterrupt(number)

    def lost(unraisable: "sys.UnraisableHookArgs") -> None:
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            hook(unraisable)
            return
        number = next(iter(unraisable.exc_value.args), signal.SIGINT)
        caught.clear()
        threading.Timer(_AGAIN_AFTER, os.kill, (os.getpid(), number)).start()

    filtering = jax.config.values["jax_traceback_filtering"]
    with screen.guarded() as (out, _), heard(interrupt, then_die=True) as caught:
        hook, sys.unraisablehook = sys.unraisablehook, lost
        jax.config.update("jax_traceback_filtering", "off")
        try:
            yield caught, out
        finally:
            sys.unraisablehook = hook
            jax.config.update("jax_traceback_filtering", filtering)


def find_devices() -> None:
    """Starts JAX's platform.

    Raises:
        ValueError: this machine has no such device.
    """
    try:
        jax.devices()
    except Exception as error:  # an AssertionError without words, where JAX has no plugin for the platform
        asked = os.environ.get("JAX_PLATFORMS")
        hint = f"; JAX_PLATFORMS asks for {asked}, set it to cpu or leave it out" if asked else ""
        said = str(error).partition("\n")[0].removesuffix(".")
        raise ValueError(f"JAX finds no device to compute on{hint}{said and f' ({said})'}.") from None


@contextmanager
def rare_collections() -> Iterator[None]:
    """Searches for garbage rarely, and not among what was imported: tracing makes many objects that stay."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_BETWEEN_COLLECTIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def compile_cache(enabled: bool) -> Iterator[None]:
    """Caches compiled programs on disk, so that a later start does not compile them again.

    They go where the user's own JAX settings say, otherwise to the user's cache directory. If that is not writable
    there is no cache.

    Args:
        enabled: False changes nothing.
    """
    settings = {
        "jax_compilation_cache_dir": str(cache_directory() / "xla"),
        "jax_persistent_cache_min_compile_time_secs": _SHORTEST_COMPILATION,
    }
    before = {name: jax.config.values[name] for name in settings}
    if (
        not enabled
        or before["jax_compilation_cache_dir"] is not None
        or not _writable(cache_directory() / "xla")
    ):
        yield
        return
    for name, value in settings.items():
        jax.config.update(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def _writable(directory: Path) -> bool:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(directory, os.W_OK | os.X_OK)
