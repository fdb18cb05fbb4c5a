"""Trees of NumPy arrays on disk, through Orbax: what it needs, and its errors in the system's words."""

import logging
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jaxtyping import PyTree

_PLAIN = re.compile(r"[\w ./,;:=+@~-]*")


def make_room(path: Path, tree: PyTree) -> None:
    """Makes the folder that arrays are to be written into, and fails on a full disk.

    Orbax would fail too, but each of its threads would print a traceback.

    Args:
        path: of the arrays, in that folder.
        tree: of NumPy arrays.

    Raises:
        OSError: the disk is full or not writable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(sum(leaf.nbytes for leaf in jax.tree.leaves(tree))))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def write_tree(directory: Path, step: int, tree: PyTree, *, keep: int) -> Path:
    """Writes arrays into the folder of their step, under another name until it is whole; all processes at once.

    Args:
        directory: an absolute path of a folder that is there; see `make_room`.
        step: later than those of all folders there.
        tree: of NumPy arrays.
        keep: how many folders stay, the newest ones.

    Returns:
        The folder.

    Raises:
        OSError: the disk is full or not writable.
        ValueError: neither this path nor that of temporary files is one that Orbax can use.
    """
    path = directory / str(step)
    options = ocp.CheckpointManagerOptions(max_to_keep=keep, enable_async_checkpointing=False)
    try:
        with (
            _quiet(),
            _plain(directory) as plain,
            ocp.CheckpointManager(plain, options=options) as manager,
        ):
            manager.save(step, args=ocp.args.StandardSave(tree))
    except ValueError as error:
        if code := re.search(r"os_error_code='(\d+)'", str(error)):
            raise OSError(int(code[1]), os.strerror(int(code[1])), str(path)) from None
        raise
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
    return path


def read_tree(directory: Path, step: int) -> dict[str, Any]:
    """Reads the arrays of a step.

    Args:
        directory: an absolute path.
        step: which of its folders.

    Returns:
        Nested dictionaries and lists of NumPy arrays.

    Raises:
        ValueError: Orbax cannot read them; its reason, in one line.
        OSError: a file cannot be read.
    """
    try:
        with (
            _quiet(),
            _plain(directory) as plain,
            ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader,
        ):
            path = plain / str(step) / "default"
            shapes = reader.metadata(path).item_metadata.tree
            restore = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), shapes)
            return reader.restore(path, args=ocp.args.PyTreeRestore(restore_args=restore))
    except (AttributeError, FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise ValueError(next(iter(str(error).splitlines()), type(error).__name__)[:200]) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences Orbax's log, and its threads' errors of the system, of which the caller gets the first."""

    def hear(failed: threading.ExceptHookArgs) -> None:
        if not issubclass(failed.exc_type, OSError):
            hook(failed)

    logger = logging.getLogger("absl")
    level, hook = logger.level, threading.excepthook
    logger.setLevel(logging.ERROR)
    threading.excepthook = hear
    try:
        yield
    finally:
        threading.excepthook = hook
        logger.setLevel(level)


@contextmanager
def _plain(directory: Path) -> Iterator[Path]:
    """A path to a directory without characters such as [ and *, which Orbax takes for those of patterns."""
    if _PLAIN.fullmatch(str(directory)):
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="jaxvae-") as folder:
        link = Path(folder) / "checkpoints"
        if not _PLAIN.fullmatch(str(link)):
            raise ValueError(
                f"checkpoints in {directory} need a folder of temporary files without such characters, got {folder}; "
                "set TMPDIR to another one."
            )
        link.symlink_to(directory, target_is_directory=True)
        yield link
