"""From a `Dataset` to batches: shuffled epochs for training, ordered batches for evaluation.

Images are uint8 in [0, 255] until a batch is gathered and float32 in [0, 1] in the `Batch`. Before that a batch is a
row of example numbers, in which the negative number ~i marks a masked place with the image of example i.
"""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import NotRequired, TypedDict, overload

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Int32, Key, UInt8

from jaxvae.data.dataset import Dataset
from jaxvae.types import Batch

REMAINDERS = ("drop", "pad")


class Arrays(TypedDict):
    """The arrays of a data set in the layout of the device, NumPy or JAX.

    Attributes:
        image: [n, height * width * channels], uint8 in [0, 255]. Flat, because gathering whole rows is six times as
            fast on CPU as gathering [height, width, channels] blocks.
        label: [n], class numbers; -1 for examples without a label.
        attributes: [n, k], whether each image has each attribute; absent if the data set has none.
    """

    image: UInt8[Array | np.ndarray, "n pixels"]
    label: Int32[Array | np.ndarray, " n"]
    attributes: NotRequired[Bool[Array | np.ndarray, "n k"]]


@dataclass(frozen=True, eq=False)
class Source:
    """A training set in batches; an epoch visits every example once, in a new order.

    `order` and `batch` are pure functions for use inside a compiled epoch: put `arrays` on the device once, draw
    `order(key)` at the start of an epoch, gather `batch(arrays, order[step], index)` at each step.

    Attributes:
        dataset: the examples.
        batch_size: examples per step, 1 <= batch_size <= n.
        remainder: treatment of the n % batch_size examples that do not fill a batch. "drop" omits them from this epoch
            (and others from the next); "pad" puts them into a last batch that is filled with masked places.

    Raises:
        ValueError: the batch size is out of range, or `remainder` is unknown.
    """

    dataset: Dataset
    _: KW_ONLY
    batch_size: int
    remainder: str = "drop"

    def __post_init__(self) -> None:
        n = len(self.dataset)
        if not 1 <= self.batch_size <= n:
            raise ValueError(
                f"batch_size must be between 1 and the {n} examples of {self.dataset.spec.name}, "
                f"got {self.batch_size}."
            )
        if self.remainder not in REMAINDERS:
            raise ValueError(f"Unknown remainder {self.remainder!r}; known are {', '.join(REMAINDERS)}.")

    @property
    def arrays(self) -> Arrays:
        """The examples in main memory: image, label, and attributes if the set has any."""
        return _flat(self.dataset)

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch, at least 1."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (self.remainder == "pad" and rest > 0)

    @property
    def examples_per_epoch(self) -> int:
        """Number of examples in an epoch, not counting padding."""
        return min(len(self.dataset), self.steps_per_epoch * self.batch_size)

    def order(self, key: Key[Array, ""]) -> Int[Array, "steps batch"]:
        """Draws the order of one epoch.

        Args:
            key: decides the order; use a different one for each epoch.

        Returns:
            [steps_per_epoch, batch_size] example numbers, a uniformly random permutation cut into rows. With remainder
            "pad" the last row ends in masked places, of which place i has the image of example i, so that statistics
            over a padded batch are those of real images.
        """
        padded = self.steps_per_epoch * self.batch_size - self.examples_per_epoch
        permutation = jax.random.permutation(key, jnp.arange(len(self.dataset), dtype=jnp.int32))
        padding = ~jnp.arange(self.batch_size - padded, self.batch_size, dtype=jnp.int32)
        numbers = jnp.concatenate([permutation[: self.examples_per_epoch], padding])
        return numbers.reshape(self.steps_per_epoch, self.batch_size)

    def batch(self, arrays: Arrays, row: Int[Array, " batch"], index: Int[Array, " batch"]) -> Batch:
        """Gathers a batch, or one device's share of it.

        Args:
            arrays: `self.arrays`, on the device.
            row: example numbers in [0, n), from `order`; ~i makes a masked place with the image of example i.
            index: position of each example in the global batch, in [0, batch_size).

        Returns:
            The batch: images float32 in [0, 1], labels (-1 at masked places), mask, `index`, and attributes as 0 or 1
            if the data set has any.
        """
        return _gather(arrays, row, index, image_shape=self.dataset.spec.image_shape)


class Resident(Source):
    """A training set whose arrays fit into the device's memory as a whole."""


@dataclass(frozen=True, eq=False)
class _Batches(Sequence[Batch]):
    """Batches gathered on access: all of them together would take four times the memory of the data set.

    Attributes:
        dataset: the examples.
        rows: [steps, batch_size], example numbers; ~i for a masked place with the image of example i.
    """

    dataset: Dataset
    rows: Int32[np.ndarray, "steps batch"]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Batch: ...
    @overload
    def __getitem__(self, place: slice) -> "_Batches": ...
    def __getitem__(self, place: int | slice) -> "Batch | _Batches":
        if isinstance(place, slice):
            return _Batches(self.dataset, self.rows[place])
        places, arrays = extract(self.dataset, self.rows[place])
        index = np.arange(len(places), dtype=np.int32)
        return _gather(arrays, *jax.device_put((places, index)), image_shape=self.dataset.spec.image_shape)


def batches(dataset: Dataset, *, batch_size: int) -> Sequence[Batch]:
    """Splits a data set into batches of one size, so that a step compiles once.

    Batch i of s holds examples i, i + s, i + 2s, ...: stored sets are not shuffled (MNIST's test split is sorted by
    writer), and statistics of a whole batch, such as MMD, need batches that represent the whole set.

    Args:
        dataset: n >= 1 examples.
        batch_size: examples per batch, at least 1; may exceed n.

    Returns:
        ceil(n / batch_size) batches, each gathered on access and not kept; slicing gathers none. The last ones are
        padded with examples whose mask is 0 and whose label is -1.

    Raises:
        ValueError: the batch size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
    steps = math.ceil(len(dataset) / batch_size)
    numbers = np.arange(steps * batch_size, dtype=np.int32)
    padding = numbers[len(dataset) :]
    padding[:] = ~(padding // steps % len(dataset))
    return _Batches(dataset, numbers.reshape(batch_size, steps).T)


def extract(dataset: Dataset, rows: Int32[np.ndarray, "*rows"]) -> tuple[Int32[np.ndarray, "*rows"], Arrays]:
    """Copies the examples of some rows, for a device that cannot hold all examples.

    Args:
        dataset: n examples.
        rows: example numbers in [0, n); ~i for a masked place with the image of example i.

    Returns:
        The same rows, with the numbers of the copied examples, and these copies in main memory.
    """
    real, copied_rows = rows >= 0, np.arange(rows.size, dtype=np.int32).reshape(rows.shape)
    examples = np.where(real, rows, ~rows).ravel()
    whole = _flat(dataset)
    copies: Arrays = {"image": np.take(whole["image"], examples, axis=0), "label": whole["label"][examples]}
    if "attributes" in whole:
        copies["attributes"] = whole["attributes"][examples]
    return np.where(real, copied_rows, ~copied_rows), copies


def _flat(dataset: Dataset) -> Arrays:
    arrays: Arrays = {"image": dataset.images.reshape(len(dataset), -1), "label": dataset.labels}
    if dataset.attributes is not None:
        arrays["attributes"] = dataset.attributes.values
    return arrays


@partial(jax.jit, static_argnames="image_shape")
def _gather(
    arrays: Arrays,
    row: Int[Array, " batch"],
    index: Int[Array, " batch"],
    *,
    image_shape: tuple[int, int, int],
) -> Batch:
    real = row >= 0
    example = jnp.where(real, row, ~row)
    pixels = jnp.take(arrays["image"], example, axis=0, mode="clip")
    image = pixels.reshape(-1, *image_shape).astype(jnp.float32) / 255
    label = jnp.where(real, jnp.take(arrays["label"], example, mode="clip"), -1)
    attributes = None
    if "attributes" in arrays:
        attributes = jnp.take(arrays["attributes"], example, axis=0, mode="clip").astype(jnp.float32)
    return Batch(image, label, real.astype(jnp.float32), index, attributes)
