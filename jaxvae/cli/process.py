"""Settings of a process that runs an experiment. Importing the library changes nothing of the kind."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import jax

from jaxvae.cli.config import RunConfig

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h
_SHORTEST_COMPILATION = 0.1


@contextmanager
def experiment_process() -> Iterator[None]:
    """Makes SIGTERM end the process the way that Ctrl-C does, with the signal's number in the exception.

    JAX leaves its own frames in tracebacks meanwhile, so that an error's origin can be seen.
    """

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(number)

    handler = signal.signal(signal.SIGTERM, interrupt)
    filtering = jax.config.values["jax_traceback_filtering"]
    jax.config.update("jax_traceback_filtering", "off")
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        jax.config.update("jax_traceback_filtering", filtering)


def cache_directory() -> Path:
    """The user's cache directory for this library: jaxvae in $XDG_CACHE_HOME, or in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxvae"


def tune(config: RunConfig) -> None:
    """Applies the flags that are about the process and not about the experiment.

    Compiled programs are kept where the user's own JAX settings say, if they do. A cache directory that cannot
    be written is done without.

    Args:
        config: the resolved flags.
    """
    if config.compile_cache and jax.config.values["jax_compilation_cache_dir"] is None:
        directory = cache_directory() / "xla"
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        jax.config.update("jax_compilation_cache_dir", str(directory))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _SHORTEST_COMPILATION)
    if config.keep_pages:
        keep_pages()


def keep_pages() -> None:
    """Lets malloc serve large blocks from a heap that it does not give back; does nothing without glibc.

    By default glibc takes each large block from the system and returns it when it is freed, and the system clears every
    page again before the next step can use it.
    """
    if sys.platform != "linux" or jax.default_backend() != "cpu":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
