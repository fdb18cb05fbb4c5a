"""The directory of a run that several processes train, and what they have to agree on before they begin."""

import atexit
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from jaxvae.processes import is_first, tell
from jaxvae.train.together import together
from jaxvae.train.workdir import Workdir

_OWN = ("workdir", "data_dir", "coordinator", "process")
"""Flags that may differ between processes."""

_UNREAD = ("checkpoints", "tensorboard", "figures", "report.html")
"""What a run leaves that no process reads but where the first one has written it."""


def run_directory(path: Path) -> Workdir:
    """The directory of a run, of which only the first process writes into it.

    Every other process has a directory of its own, with what it has to read of the run; it is removed when the process
    ends, also when it is killed. Checkpoints are those of the run in all of them.

    Args:
        path: of the run, in a file system that all processes share.

    Returns:
        The directory.

    Raises:
        ValueError: not all processes see the same directory.
        RunStopped: the first process cannot write there.
    """
    if jax.process_count() == 1:
        return Workdir(path)
    path = path.expanduser().absolute()
    parents = [path, *path.parents]
    mark = f".{tell(secrets.randbits(32))[0]:08x}.jaxvae"
    depth = tell(next(above for above, parent in enumerate(parents) if parent.is_dir()))[0]
    seen = parents[min(depth, len(parents) - 1)] / mark
    with together():
        if is_first():
            seen.touch()
    blind = tell(int(not seen.exists()))
    if is_first():
        seen.unlink()
    if any(blind):
        raise ValueError(
            f"all processes must see the same --workdir, but process {blind.index(1)} does not see what the first one "
            f"writes into {path}; choose a directory that they share."
        )
    return Workdir(path) if is_first() else _copy(path)


def _copy(path: Path) -> Workdir:
    own = Path(tempfile.mkdtemp(prefix="jaxvae-"))
    _remove_afterwards(own)
    if path.is_dir():
        shutil.copytree(path, own, ignore=shutil.ignore_patterns(*_UNREAD), dirs_exist_ok=True)
    return Workdir(own, path)


def _remove_afterwards(folder: Path) -> None:
    """Lets another process wait for the end of this one, since one that is killed removes nothing."""
    script = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"
    remover = subprocess.Popen(
        [sys.executable, "-IS", "-c", script, folder],
        stdin=subprocess.PIPE,  # which the system closes when this process ends
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # which no signal to this process's group reaches
    )
    atexit.register(remover.communicate)


def agree(record: Mapping[str, Any]) -> None:
    """Refuses processes that were started with other flags, data or versions than the first one.

    Args:
        record: of the run, what its config.json says.

    Raises:
        ValueError: what differs.
    """
    if jax.process_count() == 1:
        return
    flags = {name: value for name, value in record["config"].items() if name not in _OWN}
    told = {"--" + name.replace("_", "-"): value for name, value in flags.items()}
    told |= {"the data": record["data"], "the version of JAX": record["environment"]["jax"]}
    different = [
        name
        for name, value in sorted(told.items())
        if len(set(tell(zlib.crc32(json.dumps(value, default=str).encode())))) > 1
    ]
    if different:
        raise ValueError(f"all processes must be started alike, but they differ in {', '.join(different)}.")
