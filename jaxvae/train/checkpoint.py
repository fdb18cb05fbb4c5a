"""Train states on disk.

A checkpoint is a directory `<step>/` that Orbax writes under another name and then renames. A list of checksums is
added last: a checkpoint with a list is complete, and one whose files match it is undamaged. Beside the arrays lies a
record of the run that they are of. Arrays carry no device placement, so a checkpoint from one kind of machine can be
read on any other. Several processes save and restore together, as Orbax wants it; the first one writes.
"""

import dataclasses
import json
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Key, PyTree

from jaxvae.files import exists, write_atomically
from jaxvae.processes import is_first, tell
from jaxvae.records import parse
from jaxvae.train.state import TrainState
from jaxvae.train.storage import make_room, read_tree, write_tree
from jaxvae.train.sums import SUMS, damage, write_sums
from jaxvae.train.together import together

KEEP = 3
"""Number of checkpoints that are kept, the newest ones."""

_RECORD = "record.json"


class CheckpointError(ValueError):
    """No checkpoint of a run can be read, or it is not one of the state that is asked for."""


class Checkpoints:
    """The checkpoints of one run.

    Args:
        directory: holds the checkpoints; created by the first `save`.
        record: what is kept beside each state, of what JSON can hold.
    """

    def __init__(self, directory: str | os.PathLike[str], record: Mapping[str, Any] | None = None) -> None:
        self.directory = Path(directory).absolute()
        self._kept = dict(record or {})

    def steps(self) -> list[int]:
        """Steps with a complete checkpoint, oldest first."""
        return sorted(step for step in self._begun() if exists(self.directory / str(step) / SUMS))

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
        tree = _to_numpy(state)
        with together():
            if is_first():
                for begun in set(self._begun()) - set(complete):  # a later one would make Orbax skip this one
                    shutil.rmtree(self.directory / str(begun))
                make_room(self.directory / str(step), tree)
        path = write_tree(self.directory, step, tree, keep=KEEP)
        with together():
            if is_first():
                record = self._kept | {"prng": _prng(state.key)}
                write_atomically(path / _RECORD, f"{json.dumps(record, indent=2)}\n".encode())
                write_sums(path)

    def restore(self, like: Mapping[str, PyTree]) -> tuple[TrainState, list[str]]:
        """Reads the newest undamaged checkpoint, and renames damaged newer ones to `<step>.damaged`.

        Args:
            like: fields of a state with the same structure, shapes and types; arrays, or shapes as `jax.eval_shape`
                gives them.

        Returns:
            The state, and a sentence for each newer checkpoint that is damaged.

        Raises:
            CheckpointError: there is no undamaged checkpoint, or it holds another state: arrays of other names, shapes
                or types, or keys of another implementation of random numbers.
        """
        with together():
            step, complaints = self._newest() if is_first() else (0, list[str]())
        step = tell(step)[0]
        trained, prng = self._record(step).get("prng"), _prng(like["key"])
        if trained not in (None, prng):
            raise CheckpointError(
                f"the checkpoints in {self.directory} were trained with random numbers by {trained}, now they are by "
                f"{prng}; set JAX_DEFAULT_PRNG_IMPL={trained}."
            )
        target = {**like, "key": jax.eval_shape(jax.random.key_data, like["key"])}
        tree = self._tree(step)
        try:
            fields = jax.tree.map(jnp.asarray, _as(target, tree))
        except CheckpointError as error:
            raise CheckpointError(
                f"checkpoint {step} in {self.directory} is of another model or optimizer: {error}; take those that it "
                "was trained with, or start anew in another --workdir."
            ) from None
        with together():
            if is_first():
                self._put_aside([damaged for damaged in self.steps() if damaged > step])
        fields["key"] = jax.random.wrap_key_data(fields["key"], impl=prng)
        return TrainState(**fields), complaints

    def _put_aside(self, damaged: list[int]) -> None:
        for step in damaged:
            shutil.rmtree(self.directory / f"{step}.damaged", ignore_errors=True)
            (self.directory / str(step)).rename(self.directory / f"{step}.damaged")

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
        return self._tree(step)

    def read_record(self) -> dict[str, Any]:
        """What is kept beside the newest undamaged state.

        Returns:
            What was given as `record`, and the implementation of random numbers as "prng"; nothing if there is no such
            state or nothing was given.
        """
        try:
            return self._record(self._newest()[0])
        except CheckpointError:
            return {}

    def _begun(self) -> list[int]:
        """Steps with a folder, whether it is complete or not."""
        try:
            names = [entry.name for entry in self.directory.iterdir() if entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [int(name) for name in names if re.fullmatch("0|[1-9][0-9]*", name)]

    def _newest(self) -> tuple[int, list[str]]:
        complaints: list[str] = []
        for step in reversed(self.steps()):
            wrong = damage(self.directory / str(step))
            if wrong is None:
                return step, complaints
            complaints.append(f"checkpoint {step} is damaged ({wrong})")
        details = f": {'; '.join(complaints)}" if complaints else ""
        raise CheckpointError(
            f"no readable checkpoint in {self.directory}{details}; put back a copy of one, or start anew in another "
            "--workdir."
        )

    def _tree(self, step: int) -> dict[str, Any]:
        try:
            return read_tree(self.directory, step)
        except ValueError as error:
            raise CheckpointError(
                f"checkpoint {step} in {self.directory} is none that this version of Orbax reads ({error}); read it "
                "with the version that wrote it."
            ) from None

    def _record(self, step: int) -> dict[str, Any]:
        file = self.directory / str(step) / _RECORD
        record = parse(file.read_bytes()) if exists(file) else None
        return record if isinstance(record, dict) else {}


def _prng(key: Key[Any, "..."]) -> str:
    """Name of the implementation that typed keys, or keys of a shape, belong to."""
    names: list[str] = []
    jax.eval_shape(lambda key: names.append(str(jax.random.key_impl(key))), key)
    return names[0]


def _as(like: PyTree, tree: PyTree) -> PyTree:
    """Arrays in the structure of others, whose names, shapes and types they must have."""
    found = {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
    wanted = {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(like)}
    if alone := sorted(found.keys() ^ wanted.keys()):
        raise CheckpointError(f"{alone[0]} is {'not wanted' if alone[0] in found else 'not in it'}")
    for name, leaf in wanted.items():
        kinds = [f"{each.dtype} of shape {tuple(each.shape)}" for each in (found[name], leaf)]
        if kinds[0] != kinds[1]:
            raise CheckpointError(f"{name} is {kinds[0]}, not {kinds[1]}")
    return jax.tree_util.tree_map_with_path(lambda path, _: found[_name(path)], like)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _to_numpy(state: TrainState) -> dict[str, PyTree]:
    """Fields by name, with every leaf as a NumPy array and typed keys as their data."""
    fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    fields["key"] = jax.random.key_data(state.key)
    return jax.tree.map(np.asarray, jax.device_get(fields))
