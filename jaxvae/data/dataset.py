"""The common form of all image sets: a `Dataset` and the `Spec` that describes it.

Images are uint8 in [0, 255], laid out [n, height, width, channels]; labels are int32 class numbers, -1 for examples
without a label. Both are NumPy arrays in main memory.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Bool, Int, Int32, Integer, Shaped, UInt8


class DataError(ValueError):
    """Data is missing, altered or unreadable; the message is one line that says what to do."""


@dataclass(frozen=True)
class Spec:
    """Description of a data set without its pixels.

    Attributes:
        name: the name that it was loaded by, such as "mnist".
        image_shape: (height, width, channels).
        class_names: name of class 0, 1, ...; empty if there are no classes.
        fingerprint: 16 hexadecimal digits of the SHA-256 of shape, pixels, labels and attributes in their order. Data
            sets with equal fingerprints train the same model from the same seed.
    """

    name: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, eq=False)
class Attributes:
    """Binary attributes of each image, besides its class.

    Attributes:
        names: names of the attributes, such as "Smiling".
        values: [n, k], whether each image has each attribute.
    """

    names: tuple[str, ...]
    values: Bool[np.ndarray, "n k"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images in main memory; `len(dataset)` is the number of examples.

    Attributes:
        images: [n, height, width, channels], uint8 in [0, 255].
        labels: [n], class numbers; -1 for examples without a label.
        spec: name, image shape, class names and fingerprint.
        attributes: attributes of each image; None if the set has none.
    """

    images: UInt8[np.ndarray, "n h w c"]
    labels: Int32[np.ndarray, " n"]
    spec: Spec
    attributes: Attributes | None = None

    def __len__(self) -> int:
        return len(self.images)


def from_arrays(
    images: Shaped[Array | np.ndarray, "n h w c"],
    labels: Integer[Array | np.ndarray, " _"] | Sequence[int],
    *,
    name: str,
    class_names: tuple[str, ...] = (),
    attributes: Attributes | None = None,
) -> Dataset:
    """Makes a data set from arrays, so that any images can be used in place of a named set.

    Args:
        images: [n, height, width, channels] with n >= 1, uint8 in [0, 255].
        labels: [n] integers in [-1, number of classes), an array or a list; -1 means no label.
        name: name of the set in reports.
        class_names: name of class 0, 1, ...; the numbers themselves if empty.
        attributes: attributes of the n images, if they have any.

    Returns:
        The data set of n examples, in the order given.

    Raises:
        ValueError: there are no images, the images are not uint8 or have no axis of channels, the labels are no
            integers, or labels or attributes do not match images or class names.
    """
    pixels, numbers = _pixels(images, name), _numbers(labels)
    if len(numbers) != len(pixels):
        raise ValueError(
            f"{name!r} must have one label per image, got {len(numbers)} for {len(pixels)} images."
        )
    if attributes is not None and len(attributes.values) != len(pixels):
        raise ValueError(
            f"{name!r} must have the attributes of each image, got those of {len(attributes.values)} "
            f"for {len(pixels)} images."
        )
    class_names = class_names or tuple(str(number) for number in range(int(numbers.max()) + 1))
    if numbers.min() < -1 or numbers.max() >= len(class_names):
        raise ValueError(
            f"Labels of {name!r} must lie in [-1, {len(class_names)}), one number per class name, "
            f"got {numbers.min()} to {numbers.max()}."
        )
    pixels, numbers = np.ascontiguousarray(pixels), numbers.astype(np.int32)
    height, width, channels = pixels.shape[1:]
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(pixels.data)
    digest.update(numbers.data)
    if attributes is not None:
        digest.update(repr(attributes.names).encode())
        digest.update(np.ascontiguousarray(attributes.values).data)
    spec = Spec(name, (height, width, channels), class_names, digest.hexdigest()[:16])
    return Dataset(pixels, numbers, spec, attributes)


def select(dataset: Dataset, rows: Int[np.ndarray, " m"] | slice) -> Dataset:
    """Selects examples of a data set.

    Args:
        dataset: the whole set.
        rows: numbers of one or more examples, or a slice, which copies nothing.

    Returns:
        The examples in the order of `rows`, with the set's name and classes and a fingerprint of their own content.
    """
    attributes = dataset.attributes
    if attributes is not None:
        attributes = Attributes(attributes.names, attributes.values[rows])
    return from_arrays(
        dataset.images[rows],
        dataset.labels[rows],
        name=dataset.spec.name,
        class_names=dataset.spec.class_names,
        attributes=attributes,
    )


def _pixels(images: Shaped[Array | np.ndarray, "n h w c"], name: str) -> UInt8[np.ndarray, "n h w c"]:
    pixels = np.asarray(images)
    if pixels.ndim != 4:
        way = "; give grey images as images[..., None]" if pixels.ndim == 3 else ""
        raise ValueError(
            f"Images must be an array [n, height, width, channels], got shape {pixels.shape}{way}."
        )
    if pixels.dtype != np.uint8:
        raise ValueError(
            f"Images must be uint8 in [0, 255], got {pixels.dtype}; scale and convert them first."
        )
    if len(pixels) == 0:
        raise ValueError(f"Data set {name!r} must have at least one image, got none.")
    return pixels


def _numbers(labels: Integer[Array | np.ndarray, " _"] | Sequence[int]) -> Integer[np.ndarray, " n"]:
    try:
        numbers = np.asarray(labels)
    except ValueError:
        raise ValueError("Labels must be one integer per image, got lists of unequal length.") from None
    if not np.issubdtype(numbers.dtype, np.integer):
        way = (
            "; number the classes and give their names as class_names" if numbers.dtype.kind in "OSTU" else ""
        )
        raise ValueError(f"Labels must be integers, got {numbers.dtype}{way}.")
    if numbers.ndim != 1:
        way = (
            "; of one-hot labels, give labels.argmax(1)" if numbers.ndim == 2 and numbers.shape[1] > 1 else ""
        )
        raise ValueError(
            f"Labels must be an array [n], one integer per image, got shape {numbers.shape}{way}."
        )
    return numbers
