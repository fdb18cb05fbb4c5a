"""The compiled unit of training: many steps, all replicas, all devices, one dispatch."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import dtypes, lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jax.stages import Lowered
from jaxtyping import Array, Float, Int, Int32, Key, PyTree

from jaxvae.keys import ORDER
from jaxvae.train.state import TrainState
from jaxvae.train.step import Step
from jaxvae.train.turns import InTurn, of_all
from jaxvae.types import Batch

AXIS = "data"
"""Name of the axis along which a batch is spread over devices."""

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


@runtime_checkable
class Source(Protocol):
    """A training set in batches, such as a `jaxvae.data.Source`."""

    @property
    def batch_size(self) -> int:
        """Examples in a step."""
        ...

    @property
    def steps_per_epoch(self) -> int:
        """Steps in an epoch."""
        ...

    @property
    def arrays(self) -> PyTree:
        """The examples, placed on the device once."""
        ...

    def order(self, key: Key[Array, ""]) -> Int[Array, "steps batch"]:
        """Examples of each step of an epoch."""
        ...

    def batch(self, arrays: PyTree, row: Int[Array, " n"], index: Int[Array, " n"]) -> Batch:
        """The examples of a row of the order, or of the part of it that starts at `index[0]`."""
        ...


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


@runtime_checkable
class Windowed(Source, Protocol):
    """A source whose examples are on the devices for a few steps at a time, such as `jaxvae.data.Streamed`."""

    def window(
        self, rows: Int32[np.ndarray, "r _ batch"], *, steps: int, share: slice = slice(None)
    ) -> tuple[Int32[np.ndarray, "r steps n"], PyTree]:
        """Loads the examples of a share of up to `steps` rows; returns rows that index them, and their arrays."""
        ...


@dataclass(frozen=True)
class Parallel:
    """How a batch is spread over devices, those of all processes that `jax.distributed` has joined.

    Attributes:
        mode: "jit" lets the compiler partition one program over a mesh; "pmap" runs it on each device with explicit
            collectives, by `jax.shard_map`, which has taken the place of `jax.pmap` in JAX.
        devices: how many devices of each process are used, its first ones; all in all if `targets` are given.
        targets: the devices to choose from; those of the processes if not given. Programs for devices that are absent,
            such as those of `jax.experimental.topologies`, can be compiled but not run.
    """

    mode: str = "jit"
    devices: int = 1
    targets: tuple[jax.Device, ...] | None = None

    def __post_init__(self) -> None:
        """Checks mode and devices.

        Raises:
            ValueError: unknown mode, or more devices than there are.
        """
        if self.mode not in ("jit", "pmap"):
            raise ValueError(f"parallel must be 'jit' or 'pmap', got {self.mode!r}.")
        available = len(self._available)
        if not 1 <= self.devices <= available:
            where = "this machine" if self.targets is None else "the topology"
            raise ValueError(
                f"devices must be between 1 and the {available} {self.platform} device(s) of {where}, "
                f"got {self.devices}."
            )

    @property
    def platform(self) -> str:
        """Of the devices: "cpu", "gpu" or "tpu"."""
        return self._available[0].platform

    @property
    def total(self) -> int:
        """How many devices are used, those of all processes counted."""
        return len(self._used)

    @property
    def _available(self) -> Sequence[jax.Device]:
        return jax.local_devices() if self.targets is None else self.targets

    @cached_property
    def _used(self) -> Sequence[jax.Device]:
        if self.targets is not None:
            return self.targets[: self.devices]
        owners = range(jax.process_count())
        every = {owner: [d for d in jax.devices() if d.process_index == owner] for owner in owners}
        return [device for owner in owners for device in every[owner][: self.devices]]

    @cached_property
    def _mesh(self) -> Mesh:
        return jax.make_mesh((self.total,), (AXIS,), axis_types=(AxisType.Auto,), devices=self._used)

    def check(self, source: Source) -> None:
        """Refuses batches that cannot be split evenly over the devices.

        Args:
            source: the training data.

        Raises:
            ValueError: the batch size is not divisible by the number of devices.
        """
        if source.batch_size % self.total:
            raise ValueError(
                f"the batch size must be divisible by the number of devices, got {source.batch_size} over "
                f"{self.total} devices."
            )

    def check_replicas(self, count: int) -> None:
        """Accepts any number of replicas, which share the devices.

        Args:
            count: of replicas.
        """

    def place(self, tree: PyTree) -> PyTree:
        """Puts a whole copy of every array on every device.

        Args:
            tree: arrays, on any device or in main memory; the same in every process.

        Returns:
            The same tree, as the programs of `compile_epoch` expect it.
        """
        if jax.process_count() == 1 or self.targets is not None:
            return jax.device_put(tree, self._whole)
        return jax.tree.map(self._copied, tree)

    def _copied(self, leaf: Array | np.ndarray) -> Array:
        """A whole copy on every device, each put there by the device's own process."""
        if dtypes.issubdtype(jnp.result_type(leaf), dtypes.prng_key):
            data = self._copied(jax.random.key_data(local(leaf)))
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        values = np.asarray(leaf)
        return jax.make_array_from_callback(values.shape, self._whole, lambda index: values[index])

    def place_window(
        self, source: Windowed, rows: Int32[np.ndarray, "r _ batch"], *, steps: int
    ) -> tuple[Int32[Array, "r steps batch"], PyTree]:
        """Loads the examples of some steps; each device gets its share of each batch, from its own process.

        Args:
            source: the training data.
            rows: as `Program.order` draws them, of up to `steps` steps.
            steps: that the window has room for.

        Returns:
            Order and arrays, as the programs of `compile_epoch` expect them.
        """
        count = self.total
        size = rows.shape[-1] // count
        shares = [
            (device, source.window(rows, steps=steps, share=slice(place * size, (place + 1) * size)))
            for place, device in enumerate(self._mesh.devices.flat)
            if device.process_index == jax.process_index()
        ]

        def join(axis: int, *parts: np.ndarray) -> Array:
            shape = list(parts[0].shape)
            shape[axis] *= count
            spread = NamedSharding(self._mesh, PartitionSpec(*[None] * axis, AXIS))
            held = [jax.device_put(part, device) for part, (device, _) in zip(parts, shares, strict=True)]
            return jax.make_array_from_single_device_arrays(tuple(shape), spread, held)

        orders, arrays = zip(*(window for _, window in shares), strict=True)
        return join(2, *orders), jax.tree.map(partial(join, 0), *arrays)

    def examples(self, source: Source) -> PyTree:
        """The arrays of a source, or of a window of it with an example for each device.

        Args:
            source: the training data.

        Returns:
            Arrays, or their shapes.
        """
        if not isinstance(source, Windowed):
            return source.arrays
        count = self.total
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct((count, *leaf.shape[1:]), leaf.dtype), source.arrays
        )

    def shapes(self, tree: PyTree) -> PyTree:
        """What `place` would return, without values, for `Program.lower`.

        Args:
            tree: arrays, or shapes of `jax.eval_shape`.

        Returns:
            Shapes and types, with a whole copy on every device.
        """
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf), sharding=self._whole),
            tree,
        )

    @property
    def _whole(self) -> NamedSharding:
        return NamedSharding(self._mesh, PartitionSpec())

    @property
    def _by_example(self) -> NamedSharding:
        return NamedSharding(self._mesh, PartitionSpec(AXIS))

    def _batch(self, source: Source, arrays: PyTree, row: Int[Array, " n"]) -> Batch:
        """This device's part of a batch; in "jit" mode the whole, spread over the devices."""
        with jax.named_scope("batch"):
            index = jnp.arange(len(row))
            if self.mode == "pmap":  # where each device has its part of the row
                batch = source.batch(arrays, row, lax.axis_index(AXIS) * len(row) + index)
                return dataclasses.replace(batch, axis_name=AXIS)
            row, index = lax.with_sharding_constraint((row, index), (self._by_example, self._by_example))
            gather = source.batch
            if isinstance(source, Windowed):  # of which each device has the examples of its part
                part = PartitionSpec(AXIS)
                gather = jax.shard_map(
                    gather, mesh=self._mesh, in_specs=part, out_specs=part, check_vma=False
                )
            return gather(arrays, row, index)

    def compile_epoch(
        self, step: Step, source: Source, *, length: int, compiler_options: Mapping[str, Any] | None = None
    ) -> Program:
        """Compiles up to `length` consecutive steps of one epoch into one program.

        The order of the epoch, the gather of each batch and its noise follow from the state's key and step,
        so that a state taken from a checkpoint continues exactly as the one that was saved.

        Args:
            step: the train step of one replica.
            source: the data on the device.
            length: largest number of steps in one call. A call must not cross the end of an epoch.
            compiler_options: XLA's.

        Returns:
            The program. Its steps donate the state: use only the returned one.

        Raises:
            ValueError: a batch cannot be split evenly over the devices.
        """
        self.check(source)
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
                state, metrics = step(state, self._batch(source, arrays, rows[(first + i) % len(rows)]))
                return state, history.at[:, i].set(jnp.stack([metrics[name] for name in names]))

            batch = self._batch(source, arrays, rows[0])
            names = list(jax.eval_shape(lambda: step(state, batch)[1]))
            # One array, since each write would be an operation of its own.
            state, history = lax.fori_loop(0, count, body, (state, jnp.zeros((len(names), length))))
            return state, dict(zip(names, history, strict=True))

        train_all = map_replicas(train)

        def chunk(state: TrainState, rows: Array, arrays: PyTree, count: Any) -> tuple:
            return train_all((state, rows), arrays, count)

        if self.mode == "pmap":
            every = PartitionSpec()
            held = PartitionSpec(AXIS) if isinstance(source, Windowed) else every
            parts = (every, PartitionSpec(None, None, AXIS), held, every)
            chunk = jax.shard_map(chunk, mesh=self._mesh, in_specs=parts, out_specs=every, check_vma=False)
        return Program(jax.vmap(rows), *self._compiled(chunk, compiler_options))

    def _compiled(
        self, chunk: Chunk, compiler_options: Mapping[str, Any] | None
    ) -> tuple[Chunk, Callable[..., Any], Callable[..., Lowered]]:
        """The steps on all devices, their tracing and their lowering."""
        steps = jax.jit(chunk, donate_argnums=0, compiler_options=dict(compiler_options or {}))
        if self.platform != "cpu":
            return steps, steps.trace, steps.lower
        # There a step of all replicas side by side takes twice as long as they do one after the other.
        return InTurn(steps, self.place), of_all(steps.trace), of_all(steps.lower)
