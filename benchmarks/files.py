"""The file that the benchmark's rows are written to, with a description of the machine."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jaxvae.files import write_atomically

_INSTRUCTION_SETS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_bf16": "AVX-512 for bfloat16",
    "amx_tile": "AMX",
    "amx_bf16": "AMX for bfloat16",
    "sve": "SVE",
    "bf16": "bfloat16",
}
"""Those that matrix products gain by, as Linux calls them and as their makers do."""

_PACKAGES = ("jaxvae", "jax", "jaxlib", "flax", "optax", "torch", "numpy")


def header(flags: Mapping[str, Any], devices: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a file that precedes its rows.

    Args:
        flags: of the command line.
        devices: what JAX and PyTorch found.

    Returns:
        "machine", "versions", "flags" and an empty list of "rows".
    """
    machine = {
        "platform": platform.platform(),
        "processor": _processor(),
        "instruction_sets": instruction_sets(_read("/proc/cpuinfo")),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        **devices,
    }
    versions = {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}
    versions["commit"] = _commit()
    return {"machine": machine, "versions": versions, "flags": dict(flags), "rows": []}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # PyTorch, which not every benchmark needs
        return None


def _commit() -> str:
    """Commit of the repository that holds this file, with a mark if the files have changed since."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def _processor() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def instruction_sets(cpuinfo: str) -> list[str]:
    """Sets of instructions that matrix products gain by.

    Args:
        cpuinfo: text of Linux's /proc/cpuinfo; empty where there is none.

    Returns:
        Those of the first processor.
    """
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    flags = next((value.split() for name, _, value in lines if name.strip() in ("flags", "Features")), [])
    return [name for flag, name in _INSTRUCTION_SETS.items() if flag in flags]


def machine(results: Mapping[str, Any]) -> str:
    """What the times below it are of.

    Args:
        results: of `header`.

    Returns:
        One line.
    """
    about = results["machine"]
    sets = ", ".join(about["instruction_sets"]) or "no instructions for vectors that are known here"
    return f"{about['processor']}, {about['cores']} cores, with {sets}."


def check(path: Path, *, overwrite: bool) -> None:
    """Refuses an unusable output file before hours are spent on its content.

    Args:
        path: the file.
        overwrite: whether it may exist.

    Raises:
        ValueError: it exists, or its folder does not or cannot be written to.
    """
    if path.exists() and not overwrite:
        raise ValueError(f"{path} exists; name another file or give --overwrite.")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ValueError(f"{path} must be a file in a folder that exists.")
    if not os.access(path.absolute().parent, os.W_OK):
        raise ValueError(f"the folder of {path} must be writable, and is not.")


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Writes all rows so far.

    Args:
        path: the file, which is replaced whole.
        results: of `header`, with rows.
    """
    write_atomically(path, f"{json.dumps(results, indent=1, allow_nan=False)}\n".encode())
