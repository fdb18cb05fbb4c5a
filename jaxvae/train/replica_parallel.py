"""Replicas spread over devices, each of which trains its own on whole batches, without communication."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jax.stages import Lowered
from jaxtyping import Array, Int, Int32, PyTree
from typing_extensions import override

from jaxvae.train.parallel import AXIS, Parallel
from jaxvae.train.program import Chunk
from jaxvae.train.source import Source, Windowed
from jaxvae.train.state import TrainState
from jaxvae.train.turns import InTurn, of_all
from jaxvae.types import Batch


@dataclass(frozen=True)
class ReplicaParallel(Parallel):
    """How replicas are spread over devices: R / N of them on each of N, in order.

    Each device has a whole copy of the examples and makes the steps of its replicas alone, so that the numbers are
    those of one device.

    Attributes:
        mode: "jit".
        devices: how many devices are used; the number of replicas must be a multiple of it.
        targets: as `Parallel`.
    """

    @override
    def __post_init__(self) -> None:
        """Checks mode and devices.

        Raises:
            ValueError: another mode, more devices than there are, or several processes.
        """
        if self.mode != "jit":
            raise ValueError(f"replicas are spread over devices by 'jit', got {self.mode!r}.")
        if jax.process_count() > 1:
            raise ValueError(
                "replicas are spread over the devices of one process; leave out --replica-parallel."
            )
        super().__post_init__()

    @override
    def check(self, source: Source) -> None:
        """Accepts all batches, of which every device has the whole.

        Args:
            source: the training data.
        """

    @override
    def check_replicas(self, count: int) -> None:
        """Refuses replicas that cannot be spread evenly over the devices.

        Args:
            count: of replicas.

        Raises:
            ValueError: it is not divisible by the number of devices.
        """
        if count % self.devices:
            raise ValueError(
                f"the number of replicas, variants times seeds of one program, must be divisible by the number of "
                f"devices that they are spread over, got {count} over {self.devices} devices."
            )

    @override
    def place(self, tree: PyTree) -> PyTree:
        """Puts on every device its replicas of a state, and a whole copy of every other array.

        Args:
            tree: arrays, on any device or in main memory.

        Returns:
            The same tree, as the programs of `compile_epoch` expect it.
        """
        return self._each(jax.device_put, tree)

    @override
    def shapes(self, tree: PyTree) -> PyTree:
        """What `place` would return, without values, for `Program.lower`.

        Args:
            tree: arrays, or shapes of `jax.eval_shape`.

        Returns:
            Shapes and types, with their devices.
        """
        return self._each(_shapes, tree)

    def _each(self, function: Callable[[PyTree, NamedSharding], PyTree], tree: PyTree) -> PyTree:
        def apply(node: PyTree) -> PyTree:
            return function(node, self._by_replica if isinstance(node, TrainState) else self._whole)

        return jax.tree.map(apply, tree, is_leaf=lambda node: isinstance(node, TrainState))

    @property
    def _by_replica(self) -> NamedSharding:
        return NamedSharding(self._mesh, PartitionSpec(AXIS))

    @override
    def place_window(
        self, source: Windowed, rows: Int32[np.ndarray, "r _ batch"], *, steps: int
    ) -> tuple[Int32[Array, "r steps batch"], PyTree]:
        """As `Parallel.place_window`, with all examples on every device."""
        window: tuple[Array, PyTree] = self.place(source.window(rows, steps=steps))
        return window

    @override
    def examples(self, source: Source) -> PyTree:
        """The arrays of a source.

        Args:
            source: the training data.

        Returns:
            All of its examples.
        """
        return source.arrays

    @override
    def _batch(self, source: Source, arrays: PyTree, row: Int[Array, " n"]) -> Batch:
        with jax.named_scope("batch"):
            return source.batch(arrays, row, jnp.arange(len(row)))

    @override
    def _compiled(
        self, chunk: Chunk, compiler_options: Mapping[str, Any] | None
    ) -> tuple[Chunk, Callable[..., Any], Callable[..., Lowered]]:
        each, whole = PartitionSpec(AXIS), PartitionSpec()
        own = jax.shard_map(
            chunk, mesh=self._mesh, in_specs=(each, each, whole, whole), out_specs=each, check_vma=False
        )
        steps = jax.jit(own, donate_argnums=0, compiler_options=dict(compiler_options or {}))

        def trace(state: PyTree, rows: Any, arrays: PyTree, count: Any) -> Any:
            return steps.trace(state, _shapes(rows, self._by_replica), arrays, count)

        def lower(state: PyTree, rows: Any, arrays: PyTree, count: Any) -> Lowered:
            return steps.lower(state, _shapes(rows, self._by_replica), arrays, count)

        def spread(tree: PyTree) -> PyTree:
            return jax.device_put(tree, self._by_replica)

        def run(state: PyTree, rows: Any, arrays: PyTree, count: Any) -> tuple[PyTree, PyTree]:
            return steps(state, spread(rows), arrays, count)

        if self.platform != "cpu":
            return run, trace, lower
        n = self.devices
        return InTurn(run, spread, n), of_all(trace, together=n), of_all(lower, together=n)


def _shapes(tree: PyTree, sharding: NamedSharding) -> PyTree:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf), sharding=sharding), tree
    )
