"""Replicas one after the other, by a program of a single one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import dtypes
from jaxtyping import PyTree


@dataclass(frozen=True)
class InTurn:
    """Steps of all replicas, made of those of a single one, with the same results.

    A program for all of them would take a quarter longer to compile, to cut each replica's arrays out of the state and
    to put them back; NumPy needs no program for it.

    Attributes:
        single: `(state, rows, arrays, count) -> (state, metrics)`, whose leading axis has one replica.
        place: puts arrays on the devices.
    """

    single: Callable[..., tuple[PyTree, PyTree]]
    place: Callable[[PyTree], PyTree]

    def __call__(self, state: PyTree, rows: PyTree, arrays: PyTree, count: Any) -> tuple[PyTree, PyTree]:
        """As `single`, of any number of replicas."""
        if len(rows) == 1:
            return self.single(state, rows, arrays, count)
        leaves, tree = jax.tree.flatten((state, rows))
        held, results = [_values(leaf) for leaf in leaves], []
        for at in range(len(rows)):
            part = jax.tree.unflatten(tree, self._placed([values[at : at + 1] for values in held], leaves))
            results.append(jax.tree.flatten(jax.block_until_ready(self.single(*part, arrays, count))))
        like, tree = results[0]
        parts = zip(*(found for found, _ in results), strict=True)
        joined: tuple[PyTree, PyTree] = jax.tree.unflatten(
            tree, self._placed([np.concatenate([_values(part) for part in each]) for each in parts], like)
        )
        return joined

    def _placed(
        self, values: Sequence[np.ndarray], like: Sequence[jax.Array | np.ndarray]
    ) -> list[jax.Array]:
        return [
            jax.random.wrap_key_data(array, impl=jax.random.key_impl(leaf)) if _is_key(leaf) else array
            for array, leaf in zip(self.place(list(values)), like, strict=True)
        ]


def of_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function of a single replica's shapes one of those of all.

    Args:
        function: of the shapes of `InTurn.single`'s arguments.

    Returns:
        The same of the shapes of an `InTurn`'s arguments.
    """

    def first(leaf: Any) -> jax.ShapeDtypeStruct:
        shape = (1, *leaf.shape[1:])
        return jax.ShapeDtypeStruct(shape, leaf.dtype, sharding=getattr(leaf, "sharding", None))

    return lambda state, rows, *shared: function(*jax.tree.map(first, (state, rows)), *shared)


def _values(leaf: jax.Array | np.ndarray) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _is_key(leaf: jax.Array | np.ndarray) -> bool:
    return dtypes.issubdtype(leaf.dtype, dtypes.prng_key)
