"""Replicas one after the other, by a program of a single one, or of one for each device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import dtypes, lax
from jaxtyping import Array, Int, PyTree


@dataclass(frozen=True)
class InTurn:
    """Steps of all replicas, made of those of a few, with the same results.

    A program for all of them would take a quarter longer to compile, to cut each replica's arrays out of the state and
    to put them back; NumPy needs no program for it.

    Attributes:
        steps: `(state, rows, arrays, count) -> (state, metrics)`, whose leading axis has so many replicas.
        place: puts arrays with that axis on the devices.
        together: how many replicas, of whose number that of all is a multiple.
    """

    steps: Callable[..., tuple[PyTree, PyTree]]
    place: Callable[[PyTree], PyTree]
    together: int = 1

    def __call__(self, state: PyTree, rows: PyTree, arrays: PyTree, count: Any) -> tuple[PyTree, PyTree]:
        """As `steps`, of any number of replicas."""
        if len(rows) == self.together:
            return self.steps(state, rows, arrays, count)
        leaves, tree = jax.tree.flatten(state)
        held, results = [_values(leaf) for leaf in leaves], []
        for at in range(0, len(rows), self.together):
            some = slice(at, at + self.together)
            part = jax.tree.unflatten(tree, self._placed([values[some] for values in held], leaves))
            result = self.steps(part, self._rows(rows, at), arrays, count)
            results.append(jax.tree.flatten(jax.block_until_ready(result)))
        like, tree = results[0]
        parts = zip(*(found for found, _ in results), strict=True)
        joined: tuple[PyTree, PyTree] = jax.tree.unflatten(
            tree, self._placed([np.concatenate([_values(part) for part in each]) for each in parts], like)
        )
        return joined

    def _rows(self, rows: Array | np.ndarray, at: int) -> Array:
        if isinstance(rows, jax.Array) and not rows.is_fully_replicated:  # but each device has a part of them
            return _cut(rows, at, self.together)
        placed: Array = self.place(np.asarray(rows)[at : at + self.together])
        return placed

    def _placed(
        self, values: Sequence[np.ndarray], like: Sequence[jax.Array | np.ndarray]
    ) -> list[jax.Array]:
        return [
            jax.random.wrap_key_data(array, impl=jax.random.key_impl(leaf)) if _is_key(leaf) else array
            for array, leaf in zip(self.place(list(values)), like, strict=True)
        ]


def of_all(function: Callable[..., Any], *, together: int = 1) -> Callable[..., Any]:
    """Makes a function of a few replicas' shapes one of those of all.

    Args:
        function: of the shapes of `InTurn.steps`'s arguments.
        together: how many replicas these have.

    Returns:
        The same of the shapes of an `InTurn`'s arguments.
    """

    def first(leaf: Any) -> jax.ShapeDtypeStruct:
        shape = (together, *leaf.shape[1:])
        return jax.ShapeDtypeStruct(shape, leaf.dtype, sharding=getattr(leaf, "sharding", None))

    return lambda state, rows, *shared: function(*jax.tree.map(first, (state, rows)), *shared)


@partial(jax.jit, static_argnums=2)
def _cut(rows: Array, at: Int[Array, ""] | int, count: int) -> Array:
    return lax.dynamic_slice_in_dim(rows, at, count)


def _values(leaf: jax.Array | np.ndarray) -> np.ndarray:
    if isinstance(leaf, jax.Array) and _is_key(leaf):
        leaf = jax.random.key_data(leaf if leaf.is_fully_addressable else leaf.addressable_data(0))
    return np.asarray(leaf)


def _is_key(leaf: jax.Array | np.ndarray) -> bool:
    return dtypes.issubdtype(leaf.dtype, dtypes.prng_key)
