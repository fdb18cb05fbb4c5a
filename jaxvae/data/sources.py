"""The one door to data: a name and a split go in, a `Dataset` comes out (uint8 images, NHWC)."""

import os

from jaxvae.data.bundled import mnist_folder, read_mnist
from jaxvae.data.dataset import Dataset, from_arrays
from jaxvae.data.tfds import read_tfds

NAMES = ("mnist", "fashion_mnist", "cifar10")
SPLITS = ("train", "test")
SOURCES = ("bundled", "tfds")
_BUNDLED = ("mnist",)


def load(
    name: str,
    *,
    split: str,
    source: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
) -> Dataset:
    """Loads one split of a named data set into main memory.

    Args:
        name: "mnist", "fashion_mnist" or "cifar10".
        split: "train" or "test".
        source: "bundled" for the files that ship with jaxvae (MNIST), "tfds" for TensorFlow Datasets; None
            takes the bundled files where there are any and no `data_dir` is given, else TFDS.
        data_dir: TFDS's folder; None for ~/tensorflow_datasets.
        limit: keep the first `limit` examples only, 1 <= limit <= n.

    Returns:
        The data set: images uint8 [n, height, width, channels] in [0, 255], labels int32 [n]. Bundled files
        keep their order, TFDS its own, shuffled one; images and labels are the same.

    Raises:
        ValueError: an unknown name, split or source, a limit out of range, or a `data_dir` that the bundled
            files would ignore.
        DataError: the data is missing, altered or unreadable.
    """
    _check("data set", name, NAMES)
    _check("split", split, SPLITS)
    if source is None:
        source = "bundled" if name in _BUNDLED and data_dir is None else "tfds"
    _check("source", source, SOURCES)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}; leave it out to use every example.")
    if source == "tfds":
        return _first(read_tfds(name, split=split, data_dir=data_dir, limit=limit), limit)
    if name not in _BUNDLED:
        raise ValueError(f"{name} does not ship with jaxvae, only {', '.join(_BUNDLED)}; use source 'tfds'.")
    if data_dir is not None:
        raise ValueError("data_dir is where TFDS keeps its data; leave it out, or use source 'tfds'.")
    return _first(read_mnist(mnist_folder(), split=split), limit)


def load_splits(
    name: str,
    *,
    source: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
) -> tuple[Dataset, Dataset]:
    """Loads both splits of a named data set, for training and validation.

    Args:
        name: one of `NAMES`.
        source: one of `SOURCES`; None as in `load`.
        data_dir: where TFDS keeps its data.
        limit: takes the first examples of the training split only, and at most as many of the other.

    Returns:
        The "train" and the "test" split.

    Raises:
        ValueError: as `load`.
        DataError: as `load`.
    """
    train = load(name, split="train", source=source, data_dir=data_dir, limit=limit)
    test = load(name, split="test", source=source, data_dir=data_dir)
    return train, _first(test, None if limit is None else min(limit, len(test)))


def _first(dataset: Dataset, limit: int | None) -> Dataset:
    if limit is None or limit == len(dataset):
        return dataset
    if limit > len(dataset):
        raise ValueError(
            f"limit must be at most the {len(dataset)} examples of {dataset.spec.name}, got {limit}."
        )
    return from_arrays(
        dataset.images[:limit],
        dataset.labels[:limit],
        name=dataset.spec.name,
        class_names=dataset.spec.class_names,
    )


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"Unknown {what} {value!r}; known are {', '.join(known)}.")
