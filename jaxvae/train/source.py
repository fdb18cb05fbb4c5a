"""What a training set in batches offers to the programs that train on it."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Int, Int32, Key, PyTree

from jaxvae.types import Batch


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


@runtime_checkable
class Windowed(Source, Protocol):
    """A source whose examples are on the devices for a few steps at a time, such as `jaxvae.data.Streamed`."""

    def window(
        self, rows: Int32[np.ndarray, "r _ batch"], *, steps: int, share: slice = slice(None)
    ) -> tuple[Int32[np.ndarray, "r steps n"], PyTree]:
        """Loads the examples of a share of up to `steps` rows; returns rows that index them, and their arrays."""
        ...
