"""How a batch is spread over devices, and the steps of a training compiled for them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import dtypes, lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jax.stages import Lowered
from jaxtyping import Array, Int, Int32, PyTree

from jaxvae.train.program import Chunk, Program, epoch_steps, local
from jaxvae.train.source import Source, Windowed
from jaxvae.train.step import Step
from jaxvae.train.turns import InTurn, of_all
from jaxvae.types import Batch

AXIS = "data"
"""Name of the axis along which a batch is spread over devices."""


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
        rows, chunk = epoch_steps(step, source, partial(self._batch, source), length=length)
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
