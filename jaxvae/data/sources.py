"""Loading by name: `load` takes a name and a split and returns a `Dataset` (uint8 images, NHWC)."""

import os
from collections.abc import Sequence
from typing import Any

from jaxvae.data.bundled import mnist_folder, read_mnist
from jaxvae.data.classes import select_classes
from jaxvae.data.dataset import Dataset, select
from jaxvae.data.drawn import draw_pictures
from jaxvae.data.faces import draw_faces
from jaxvae.data.folder import read_folder
from jaxvae.data.held_out import hold_out
from jaxvae.data.pictures import SMALLEST
from jaxvae.data.tfds import read_tfds

NAMES = ("mnist", "fashion_mnist", "cifar10", "stl10", "celeb_a", "drawn", "drawn_faces")
SPLITS = ("train", "test", "train_rest", "validation")
SOURCES = ("bundled", "tfds")
FOLDER = "folder:"
"""Prefix of a name that continues with the path of a folder of pictures."""

_PARTS = ("train_rest", "validation")
"""Splits that divide "train", in the order of what `hold_out` gives."""
_TRAINED = {"test": "train", "validation": "train_rest"}
"""What is trained on, by what is measured on."""

_DRAWN = {"drawn": (draw_pictures, 32), "drawn_faces": (draw_faces, 64)}
"""What draws a set, and the side of its pictures by default."""
_BUNDLED = ("mnist", *_DRAWN)
_RESIZED = {"stl10": 96, "celeb_a": 64}
_FOLDER_SIZE = 96
_UNLABELLED = {("stl10", "train"): "train+unlabelled"}


def load(
    name: str,
    *,
    split: str,
    source: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    image_size: int | None = None,
    classes: Sequence[str] = (),
) -> Dataset:
    """Loads one split of a named data set into main memory, or maps it from the user's cache.

    Args:
        name: one of `NAMES`, or "folder:" and the path of a folder of pictures; see `read_folder`. "drawn" is a small
            set for first trials, drawn by a program: 600 and 120 pictures of birds, horses and houses; "drawn_faces"
            has 20,000 and 2,000 faces, drawn likewise, with 16 attributes in CelebA's sense.
        split: "train" or "test"; or a part of "train": "validation" to choose settings by, or "train_rest", what
            remains; see `hold_out`. CelebA has its own "validation", and its "train_rest" is "train". STL-10's "train"
            includes its 100,000 unlabelled images, of which its "validation" is; with `classes` both have labels.
        source: "bundled" for the sets that ship with jaxvae (mnist and what it draws), "tfds" for what TensorFlow
            Datasets has prepared or, in the same order, the official archives, which are downloaded if they are
            missing. None is "bundled" for these sets unless `data_dir` is given, and "tfds" otherwise.
        data_dir: folder of what TFDS has prepared and of official archives; None for ~/tensorflow_datasets.
        limit: keep only the first `limit` examples of the split, 1 <= limit <= n.
        image_size: side of the square images: at least 8 for stl10, celeb_a and folders, 8 to 256 for drawn, 32 to
            256 for drawn_faces; None for 96, 64, 96, 32 and 64.
        classes: names of the classes to keep, which are then numbered in this order; all examples if empty.

    Returns:
        The data set: images uint8 [n, height, width, channels] in [0, 255], labels int32 [n]. MNIST has the same
        examples from both sources, in a different order.

    Raises:
        ValueError: the name, split, source or a class is unknown, `limit` or `image_size` is not possible for the set,
            or `data_dir` would be ignored.
        DataError: the data is missing, altered or unreadable.
    """
    if not name.startswith(FOLDER):
        _check("data set", name, NAMES, f"{FOLDER}PATH")
    _check("split", split, SPLITS)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}; leave it out to use every example.")
    smallest = SMALLEST if name in _RESIZED or name.startswith(FOLDER) else 1
    if image_size is not None and image_size < smallest:
        raise ValueError(f"image_size must be at least {smallest}, got {image_size}.")
    stored = _stored(name, split)
    needed = None if classes or stored != split else limit
    dataset = _read(name, stored, source, data_dir, needed, image_size, labelled=bool(classes))
    if split in _PARTS and name != "celeb_a":
        dataset = hold_out(dataset)[_PARTS.index(split)]
    return _first(select_classes(dataset, classes) if classes else dataset, limit)


def load_splits(
    name: str,
    *,
    source: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    image_size: int | None = None,
    classes: Sequence[str] = (),
    measure_on: str = "test",
) -> tuple[Dataset, Dataset]:
    """Loads what of a named data set is trained on, and what models are measured on.

    Args:
        name: as in `load`.
        source: one of `SOURCES`; None as in `load`.
        data_dir: as in `load`.
        limit: keep only the first `limit` examples of what is trained on, and at most as many of the others.
        image_size: as in `load`.
        classes: as in `load`.
        measure_on: "test", or "validation" to choose settings without the test split, which is then not read.

    Returns:
        The splits "train" and "test", or "train_rest" and "validation".

    Raises:
        ValueError: as `load`.
        DataError: as `load`.
    """
    where: dict[str, Any] = {
        "source": source,
        "data_dir": data_dir,
        "image_size": image_size,
        "classes": classes,
    }
    train = load(name, split=training_split(measure_on), limit=limit, **where)
    measured = load(name, split=measure_on, **where)
    return train, _first(measured, None if limit is None else min(limit, len(measured)))


def training_split(measure_on: str) -> str:
    """Names the split that models are trained on.

    Args:
        measure_on: what they are measured on.

    Returns:
        One of `SPLITS`.

    Raises:
        ValueError: `measure_on` is neither "test" nor "validation".
    """
    _check("split to measure on", measure_on, tuple(_TRAINED))
    return _TRAINED[measure_on]


def _stored(name: str, split: str) -> str:
    """The split of the stored data that a split is, or is a part of."""
    if split not in _PARTS:
        return split
    return "validation" if (name, split) == ("celeb_a", "validation") else "train"


def _read(
    name: str,
    split: str,
    source: str | None,
    data_dir: str | os.PathLike[str] | None,
    limit: int | None,
    image_size: int | None,
    *,
    labelled: bool,
) -> Dataset:
    """At least the first `limit` examples of a split; `labelled` omits STL-10's unlabelled images."""
    if name.startswith(FOLDER):
        if source is not None or data_dir is not None:
            raise ValueError("source and data_dir are for named data sets; leave them out of a folder's.")
        if name == FOLDER:
            raise ValueError(f"{FOLDER} must be followed by the path of a folder of pictures, got nothing.")
        return read_folder(name.removeprefix(FOLDER), split=split, image_size=image_size or _FOLDER_SIZE)
    if name in _DRAWN and (source == "tfds" or data_dir is not None):
        raise ValueError(f"{name} is drawn by jaxvae itself; leave data_dir and source 'tfds' out.")
    if source is None:
        source = "bundled" if name in _BUNDLED and data_dir is None else "tfds"
    _check("source", source, SOURCES)
    if source == "tfds":
        splits = split if labelled else _UNLABELLED.get((name, split), split)
        size = (image_size or _RESIZED[name]) if name in _RESIZED else None
        dataset = read_tfds(name, split=splits, data_dir=data_dir, limit=limit, image_size=size)
    elif name not in _BUNDLED:
        raise ValueError(f"{name} does not ship with jaxvae, only {', '.join(_BUNDLED)}; use source 'tfds'.")
    elif data_dir is not None:
        raise ValueError("data_dir is where TFDS keeps its data; leave it out, or use source 'tfds'.")
    elif name in _DRAWN:
        draw, usual = _DRAWN[name]
        return draw(split=split, image_size=image_size or usual, limit=limit)
    else:
        dataset = read_mnist(mnist_folder(), split=split)
    side = dataset.spec.image_shape[0]
    if image_size not in (None, side):
        raise ValueError(
            f"{name} has images of {side} x {side} pixels, got image_size {image_size}; leave it out, or use "
            f"{', '.join([*_RESIZED, *_DRAWN])} or {FOLDER}PATH, which come in any size."
        )
    return dataset


def _first(dataset: Dataset, limit: int | None) -> Dataset:
    if limit is None or limit == len(dataset):
        return dataset
    if limit > len(dataset):
        raise ValueError(
            f"limit must be at most the {len(dataset)} examples of {dataset.spec.name}, got {limit}."
        )
    return select(dataset, slice(limit))


def _check(what: str, value: str, known: Sequence[str], *more: str) -> None:
    if value not in known:
        raise ValueError(f"Unknown {what} {value!r}; known are {', '.join([*known, *more])}.")
