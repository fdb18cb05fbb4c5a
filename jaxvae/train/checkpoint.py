"""Train states on disk, through Orbax.

A checkpoint is a directory `<step>/` that Orbax writes under another name and then renames. A list of checksums is
added last: a checkpoint with a list is complete, and one whose files match it is undamaged. Arrays carry no device
placement, so a checkpoint from one kind of machine can be read on any other.
"""

import dataclasses
import hashlib
import logging
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jaxtyping import PyTree

from jaxvae.files import write_atomically
from jaxvae.train.state import TrainState

KEEP = 3
"""Number of checkpoints that are kept, the newest ones."""

_SUMS = "SHA256SUMS"


class CheckpointError(ValueError):
    """No checkpoint of a run can be read."""


class Checkpoints:
    """The checkpoints of one run.

    Args:
        directory: holds the checkpoints; created by the first `save`.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory).absolute()

    def steps(self) -> list[int]:
        """Steps with a complete checkpoint, oldest first."""
        return sorted(
            int(sums.parent.name) for sums in self.directory.glob(f"*/{_SUMS}") if sums.parent.name.isdigit()
        )

    def save(self, state: TrainState) -> None:
        """Writes a state under its step; does nothing if that step is already saved.

        Args:
            state: with the replica axis.

        Raises:
            OSError: the disk is full or not writable. Earlier checkpoints are unaffected.
        """
        step, complete = int(np.ravel(state.step)[0]), self.steps()
        if step in complete:
            return
        for entry in self.directory.glob("*"):  # an incomplete later one would make Orbax skip this one
            if entry.name.isdigit() and int(entry.name) not in complete:
                shutil.rmtree(entry)
        path, tree = self.directory / str(step), _to_numpy(state)
        _check_space(path, sum(leaf.nbytes for leaf in jax.tree.leaves(tree)))
        options = ocp.CheckpointManagerOptions(max_to_keep=KEEP, enable_async_checkpointing=False)
        try:
            with _quiet(), ocp.CheckpointManager(self.directory, options=options) as manager:
                manager.save(step, args=ocp.args.StandardSave(tree))
        except ValueError as error:
            if code := re.search(r"os_error_code='(\d+)'", str(error)):
                raise OSError(int(code[1]), os.strerror(int(code[1])), str(path)) from None
            raise
        sums = "".join(f"{_digest(file)}  {file.relative_to(path)}\n" for file in _files(path))
        write_atomically(path / _SUMS, sums.encode())

    def restore(self, like: Mapping[str, PyTree]) -> tuple[TrainState, list[str]]:
        """Reads the newest undamaged checkpoint, and renames damaged newer ones to `<step>.damaged`.

        Args:
            like: fields of a state with the same structure; arrays, or shapes as `jax.eval_shape` gives them.

        Returns:
            The state, and a sentence for each newer checkpoint that is damaged.

        Raises:
            CheckpointError: there is no undamaged checkpoint.
        """
        step, complaints = self._newest()
        for damaged in (s for s in self.steps() if s > step):
            shutil.rmtree(self.directory / f"{damaged}.damaged", ignore_errors=True)
            (self.directory / str(damaged)).rename(self.directory / f"{damaged}.damaged")
        target = {**like, "key": jax.eval_shape(jax.random.key_data, like["key"])}
        fields = jax.tree.map(jnp.asarray, self._read(step, target))
        fields["key"] = jax.random.wrap_key_data(fields["key"])
        return TrainState(**fields), complaints

    def restore_tree(self) -> dict[str, Any]:
        """Reads the newest undamaged checkpoint as nested dictionaries of NumPy arrays.

        Returns:
            The fields of the `TrainState` by name, with the key as its data. Damaged newer checkpoints are named in a
            warning.

        Raises:
            CheckpointError: there is no undamaged checkpoint.
        """
        step, complaints = self._newest()
        for complaint in complaints:
            warnings.warn(f"{complaint}; reading that of step {step}.", stacklevel=2)
        return self._read(step, None)

    def _newest(self) -> tuple[int, list[str]]:
        complaints: list[str] = []
        for step in reversed(self.steps()):
            damage = _damage(self.directory / str(step))
            if damage is None:
                return step, complaints
            complaints.append(f"checkpoint {step} is damaged ({damage})")
        details = f": {'; '.join(complaints)}" if complaints else ""
        raise CheckpointError(
            f"no readable checkpoint in {self.directory}{details}; start again with --overwrite."
        )

    def _read(self, step: int, target: PyTree) -> Any:
        path = self.directory / str(step) / "default"
        with _quiet(), ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
            shapes = reader.metadata(path).item_metadata.tree if target is None else target
            restore = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), shapes)
            return reader.restore(path, args=ocp.args.PyTreeRestore(item=target, restore_args=restore))


class _quiet:  # noqa: N801
    """Silences Orbax's log messages."""

    def __enter__(self) -> None:
        self.logger = logging.getLogger("absl")
        self.level = self.logger.level
        self.logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        self.logger.setLevel(self.level)


def _check_space(path: Path, size: int) -> None:
    """Fails on a full disk before Orbax does, since each of its threads would print a traceback."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(size))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith(_SUMS))


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _damage(path: Path) -> str | None:
    """Says what is wrong with the files of a checkpoint; None if they are undamaged."""
    lines = (line.partition("  ") for line in (path / _SUMS).read_text().splitlines())
    listed = {name: digest for digest, _, name in lines}
    present = {str(file.relative_to(path)): file for file in _files(path)}
    if unlisted := sorted(set(present) - set(listed)):
        return f"{_SUMS} does not list {unlisted[0]}"
    if missing := sorted(set(listed) - set(present)):
        return f"{missing[0]} is missing"
    wrong = [name for name, digest in listed.items() if _digest(present[name]) != digest]
    return f"{wrong[0]} is truncated or altered" if wrong else None


def _to_numpy(state: TrainState) -> dict[str, PyTree]:
    """Fields by name, with every leaf as a NumPy array and typed keys as their data."""
    fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    fields["key"] = jax.random.key_data(state.key)
    return jax.tree.map(np.asarray, jax.device_get(fields))
