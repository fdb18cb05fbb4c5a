"""Strict settings for every test: run-time shape and dtype checks, several virtual devices, no silent promotion."""

import ctypes
import gc
import gzip
import os
import signal
import sys
import threading
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

# Most of the time of these tests is compilation. XLA's older code generator for fusions takes a third of the time of
# the newer one, which is made for speed at run time, as optimizations are. From jaxlib 0.11.1 on, there is only the
# newer one, and an unknown flag ends the process.
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_force_host_platform_device_count=8",
        "--xla_cpu_use_fusion_emitters=false"
        if tuple(map(int, version("jaxlib").split(".")[:3])) < (0, 11, 1)
        else "",
    ]
)
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# Every program is compiled once for all of pytest's processes, for those that tests start, and for later runs. What
# pytest keeps there is emptied by --cache-clear; the variable may name another folder. An entry's name contains the
# program, the compiler with its options, and the kind of CPU, so that none is taken for another.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache/d/jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
# Lines of Python beside each operation of a compiled program: for profiles, and a twentieth of the time.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "agg")

import jax
import pytest
from jax._src.interpreters import mlir
from jaxtyping import install_import_hook

# Tests send themselves Ctrl-C, which a shell lets processes in the background ignore.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What is compiled makes many objects that stay. Searched for garbage as often as Python's defaults want it, they take a
# tenth of the time.
gc.set_threshold(200_000)
# MNIST's four files, which many tests read.
gzip.decompress = lru_cache(maxsize=4)(gzip.decompress)


class _Contexts(threading.local):
    """What programs are lowered in, used ten times each, as JAX 0.12 does; a new one each time takes a tenth."""

    used = 0
    make = staticmethod(mlir.make_ir_context)

    def __call__(self):
        if self.used % 10 == 0:
            self.context = self.make()
        self.used += 1
        return self.context


if jax.__version_info__ < (0, 12):
    mlir.make_ir_context = _Contexts()

jax.devices()  # made of the flags above, before a test sets others for a process that it starts
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# JAX 0.7 fills trees with placeholders on their way, which no annotated field may hold.
if jax.__version_info__ >= (0, 8):
    hook = install_import_hook("jaxvae", "beartype.beartype")


_MEMORY = 1_500_000_000
"""Bytes with which a process keeps its compiled programs."""

_GROWTH = 250_000_000
"""Bytes more than after programs were dropped, before they are dropped again, which takes a second."""

_after = 0
"""Bytes after programs were dropped."""


def _memory():
    """Bytes of memory that this process uses, where the system tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return float("inf")
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module", autouse=True)
def _forget_programs():
    """Drops compiled programs from memory when they have become many; the cache on disk keeps them.

    Dropped after every file, the small programs that all files share would be traced and lowered time and again.
    """
    global _after
    yield
    if _memory() <= max(_MEMORY, _after + _GROWTH):
        return
    jax.clear_caches()
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)
    _after = _memory()


def pytest_collection_modifyitems(items):
    """Puts the longest files first, so that no worker is left with one of them at the end."""
    items.sort(key=lambda item: "experiments" not in item.path.parts)
