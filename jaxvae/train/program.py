"""Many steps of all replicas as one program, and what it takes from a source."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.stages import Lowered
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxvae.keys import ORDER
from jaxvae.train.source import Source
from jaxvae.train.state import TrainState
from jaxvae.train.step import Step
from jaxvae.types import Batch

Chunk: TypeAlias = Callable[
    [TrainState, Int[Array, "r steps batch"], PyTree, Int[Array | np.ndarray, ""] | np.integer],
    tuple[TrainState, dict[str, Float[Array, "r k"]]],
]
"""`(state, order, arrays, count) -> (state, metrics)`: `count` steps of every replica; later metrics are zero.

The order covers the whole epoch, or the steps of a window; see `jaxvae.train.feed`."""


@dataclass(frozen=True)
class Program:
    """What `Parallel.compile_epoch` returns.

    Attributes:
        rows: `(key, step) -> order`, of all replicas the examples of each step of the epoch; pure.
        chunk: runs some steps of that epoch.
        look: traces `chunk`, from the same arguments or from their shapes; see `trace`.
        lower: lowers `chunk` without running it, from the same arguments or from their shapes; see `Parallel.shapes`.
    """

    rows: Callable[[Key[Array, " r"], Int[Array, " r"]], Int[Array, "r steps batch"]]
    chunk: Chunk
    look: Callable[..., Any]
    lower: Callable[..., Lowered]

    def order(
        self, key: Key[Array, " r"], step: Int[Array | np.ndarray, " r"]
    ) -> Int[np.ndarray, "r steps batch"]:
        """Draws the examples of each step of an epoch, on the host's CPU wherever the steps run.

        For a TPU the sorts of a permutation would take as long to compile as a train step. Every process draws all.

        Args:
            key: of a state of all replicas.
            step: of the state, or any of the same epoch.

        Returns:
            The order, in main memory.
        """
        host, draw = self._host_rows
        return np.asarray(draw(*jax.device_put(local((key, step)), host)))

    @cached_property
    def _host_rows(self) -> tuple[jax.Device, Callable[..., Array]]:
        """The host's CPU, or the first device where JAX is told to leave it out, and `rows` compiled for it."""
        try:
            host = jax.local_devices(backend="cpu")[0]
        except RuntimeError:
            return jax.local_devices()[0], jax.jit(self.rows)
        # Integers are the same at every level of optimization; without any they are compiled in half the time.
        return host, jax.jit(self.rows, compiler_options={"xla_backend_optimization_level": 0})

    def trace(self, state: TrainState, arrays: PyTree) -> Callable[[], Any]:
        """Traces the steps without running any, so that what no step can be made of is refused; `chunk` uses the trace.

        Args:
            state: of all replicas, placed on the devices, or its shapes; see `Parallel.shapes`.
            arrays: the examples, likewise.

        Returns:
            Compiles the steps, in any thread, and `chunk` uses what it has made.
        """
        rows = jax.eval_shape(self.rows, state.key, state.step)
        placed = jax.ShapeDtypeStruct(rows.shape, rows.dtype, sharding=state.step.sharding)
        return self.look(state, placed, arrays, np.int32(1)).lower().compile


def local(tree: PyTree) -> PyTree:
    """Arrays on this process's first device, which has a copy of them already if every device has.

    Args:
        tree: arrays that `Parallel.place` or its programs returned, or others, which stay what they are.

    Returns:
        The same tree.
    """

    def first(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array):
            return leaf
        return (
            leaf.addressable_data(0)
            if leaf.is_fully_replicated
            else jax.device_put(leaf, jax.local_devices()[0])
        )

    return jax.tree.map(first, tree)


def map_replicas(function: Callable) -> Callable:
    """Maps a function over the replicas, the leading axis of its first argument, side by side.

    A single one is not mapped at all.

    Args:
        function: takes one replica's arrays and then arguments that all replicas share.

    Returns:
        The function of all replicas' arrays; its results have a leading axis of replicas too.
    """

    def mapped(each: PyTree, *shared: PyTree) -> PyTree:
        if len(jax.tree.leaves(each)[0]) == 1:
            result = function(jax.tree.map(lambda leaf: lax.squeeze(leaf, (0,)), each), *shared)
            return jax.tree.map(lambda leaf: lax.expand_dims(leaf, (0,)), result)
        return jax.vmap(function, in_axes=(0, *[None] * len(shared)))(each, *shared)

    return mapped


def epoch_steps(
    step: Step, source: Source, gather: Callable[[PyTree, Int[Array, " n"]], Batch], *, length: int
) -> tuple[Callable[[Key[Array, ""], Int[Array, ""]], Int[Array, "steps batch"]], Chunk]:
    """Functions of the steps of an epoch, not compiled yet.

    Args:
        step: the train step of one replica.
        source: the training data.
        gather: `(arrays, row) -> batch`, of the source's arrays and a row of the order.
        length: largest number of steps in a call.

    Returns:
        `(key, step) -> order` of one replica's epoch, and the steps of all replicas.
    """
    step = jax.jit(step, inline=True)  # traced once: for the names of its metrics, and in the loop

    def rows(key: Array, step: Array) -> Array:
        key = jax.random.fold_in(key, ORDER)
        return source.order(jax.random.fold_in(key, step // source.steps_per_epoch))

    def train(
        replica: tuple[TrainState, Array], arrays: PyTree, count: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        state, rows = replica
        first = state.step % source.steps_per_epoch  # windows begin at multiples of their length

        def body(i: Array, carry: tuple) -> tuple:
            state, history = carry
            state, metrics = step(state, gather(arrays, rows[(first + i) % len(rows)]))
            return state, history.at[:, i].set(jnp.stack([metrics[name] for name in names]))

        batch = gather(arrays, rows[0])
        names = list(jax.eval_shape(lambda: step(state, batch)[1]))
        # One array, since each write would be an operation of its own.
        state, history = lax.fori_loop(0, count, body, (state, jnp.zeros((len(names), length))))
        return state, dict(zip(names, history, strict=True))

    train_all = map_replicas(train)

    def chunk(state: TrainState, rows: Array, arrays: PyTree, count: Any) -> tuple:
        return train_all((state, rows), arrays, count)

    return rows, chunk
