"""Training sets that do not fit into the device's memory: the same epochs, in windows of several steps.

Examples stay in main memory, or in a memory-mapped file; see `jaxvae.data.decoded`.
"""

import os

import jax
import numpy as np
from jaxtyping import Int32

from jaxvae.data.dataset import Dataset
from jaxvae.data.pipeline import Arrays, Resident, Source, extract

_SHARE = 0.25  # of the device's memory; the rest is for parameters and activations


class Streamed(Source):
    """A training set of which the device only holds the examples of a few steps.

    A key gives exactly the same batches as with `Resident`.
    """

    def window(
        self, rows: Int32[np.ndarray, "r given batch"], *, steps: int, share: slice = slice(None)
    ) -> tuple[Int32[np.ndarray, "r steps n"], Arrays]:
        """Gathers the examples of consecutive steps.

        Args:
            rows: example numbers from `order`, for r replicas. Replicas with the same examples share them.
            steps: steps that the window has room for, at least as many as `rows` has. All windows of an epoch have one
                shape; in a shorter last one the rows beyond those given hold an arbitrary example.
            share: places in a batch, of which alone the examples are gathered.

        Returns:
            Rows and arrays with which `batch` returns the same share of batches as with `rows` and `self.arrays`.
        """
        orders, replica = np.unique(rows, axis=0, return_inverse=True)
        given, batch = rows.shape[1:]
        numbers = np.zeros((len(orders), steps, batch), np.int32)
        numbers[:, :given] = orders
        places, arrays = extract(self.dataset, numbers[..., share])
        return places[replica.reshape(-1)], arrays


def serve(dataset: Dataset, *, batch_size: int, remainder: str = "drop", memory: int | None = None) -> Source:
    """Serves a training set from the device's memory if it takes at most a quarter of it, otherwise by streaming.

    Where `jax.distributed` has joined several processes it is streamed, so that each reads its share alone.

    Args:
        dataset: the examples.
        batch_size: examples per step, 1 <= batch_size <= n.
        remainder: as in `Source`.
        memory: memory of the device in bytes; that of the first device if None.

    Returns:
        The source; both kinds give the same batches from the same key.

    Raises:
        ValueError: as `Source`.
    """
    fits = dataset.images.nbytes <= _SHARE * (_device_memory() if memory is None else memory)
    kind = Resident if fits and jax.process_count() == 1 else Streamed
    return kind(dataset, batch_size=batch_size, remainder=remainder)


def _device_memory() -> int:
    # The CPU backend reports no memory of its own; it is the host's.
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    return limit or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
