"""Fashion-MNIST, CIFAR-10 and STL-10, read from the archives that their authors published, without TensorFlow.

Images, labels and their order are those that TFDS prepares from the same archives: a split is sorted by a hash of its
name and of the examples' numbers.
"""

import functools
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Integer, UInt8
from PIL import Image

from jaxvae.data.archives import obtain, registered, unpack
from jaxvae.data.bundled import PREFIXES, parse_idx
from jaxvae.data.cache import digest, recall
from jaxvae.data.dataset import DataError, Dataset, from_arrays
from jaxvae.data.decoded import Example, Kind, keep
from jaxvae.data.pictures import square
from jaxvae.data.threads import in_parallel

_NO_ATTRIBUTES = np.zeros(0, bool)


@dataclass(frozen=True, eq=False)
class _Opened:
    """The contents of a set's archives: class names, and the images and labels of some splits in the order there."""

    class_names: tuple[str, ...]
    parts: dict[str, tuple[UInt8[np.ndarray, "n h w c"], Integer[np.ndarray, " n"]]]


def read_official(builder: Any, split: str, *, limit: int | None, image_size: int | None) -> Dataset:
    """Reads splits of one of `OFFICIAL` from its archives, which are downloaded if they are not there.

    Args:
        builder: the set's `tfds.core.DatasetBuilder`; only what TFDS knows of the set is taken from it.
        split: one or several splits, such as "train" or "train+unlabelled".
        limit: how many examples are needed; None for all.
        image_size: side of the images after resizing; the splits are then cached whole and memory-mapped. None takes
            images as they are.

    Returns:
        At least the first `limit` examples in TFDS's order.

    Raises:
        DataError: an archive cannot be obtained or is damaged, or the cache cannot be written to.
    """
    splits = split.split("+")
    opened = functools.cache(lambda: OFFICIAL[builder.name](builder, splits))
    if image_size is None:
        rows = {name: order(name, range(len(part[0])))[:limit] for name, part in opened().parts.items()}
        images, labels = (
            np.concatenate([part[i][rows[name]] for name, part in opened().parts.items()]) for i in (0, 1)
        )
        return from_arrays(images, labels, name=builder.name, class_names=opened().class_names)
    identity = [archive.sha256 for archive in registered(builder)]
    names = recall(digest("class names", identity), lambda: (opened().class_names, True))
    examples = _examples(opened, image_size, f"Reading {builder.name} {split}")
    return keep(
        digest("official", identity, split, image_size),
        examples,
        Kind(builder.name, tuple(names)),
    )[0]


def order(split: str, keys: Iterable[int | str]) -> list[int]:
    """The order in which TFDS stores the examples of a split.

    Args:
        split: name of the split.
        keys: the examples' keys, which the set's builder in TFDS gives them: numbers or file names.

    Returns:
        Numbers of the examples, in TFDS's order.
    """
    from tensorflow_datasets.core import hashing

    hashes = list(map(hashing.Hasher(split).hash_key, keys))
    return sorted(range(len(hashes)), key=hashes.__getitem__)


def _examples(opened: Callable[[], _Opened], image_size: int, title: str) -> Iterator[Example]:
    rows = [(part, i) for name, part in opened().parts.items() for i in order(name, range(len(part[0])))]

    def resize(row: tuple[tuple[np.ndarray, np.ndarray], int]) -> Example:
        (images, labels), i = row
        picture = Image.fromarray(np.ascontiguousarray(images[i]))
        return Example(square(picture, image_size), int(labels[i]), _NO_ATTRIBUTES)

    yield from in_parallel(resize, rows, total=len(rows), title=title)


def _fashion_mnist(builder: Any, splits: Sequence[str]) -> _Opened:
    files = obtain(builder)

    def array(split: str, what: str, rank: int) -> np.ndarray:
        path = files[f"{PREFIXES[split]}-{what}-idx{rank}-ubyte.gz"]
        try:
            return parse_idx(gzip.decompress(path.read_bytes()), rank=rank)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} cannot be read ({error}); remove it and run again.") from None

    parts = {split: (array(split, "images", 3)[..., None], array(split, "labels", 1)) for split in splits}
    return _Opened(tuple(builder.info.features["label"].names), parts)


def _cifar10(builder: Any, splits: Sequence[str]) -> _Opened:
    batches = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
    content = _unpacked(builder, "batches.meta.txt", *(name for split in splits for name in batches[split]))
    parts = {}
    for split in splits:
        rows = np.concatenate([content[name].reshape(-1, 1 + 3 * 32 * 32) for name in batches[split]])
        parts[split] = (rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, 0])
    return _Opened(_lines(content["batches.meta.txt"]), parts)


def _stl10(builder: Any, splits: Sequence[str]) -> _Opened:
    files = {
        "train": ("train_X.bin", "train_y.bin"),
        "test": ("test_X.bin", "test_y.bin"),
        "unlabelled": ("unlabeled_X.bin",),
    }
    content = _unpacked(builder, "class_names.txt", *(name for split in splits for name in files[split]))
    parts = {}
    for split in splits:
        images, *numbers = (content[name] for name in files[split])
        images = images.reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)  # columns come before rows in the file
        labels = numbers[0].astype(np.int32) - 1 if numbers else np.full(len(images), -1)
        parts[split] = (images, labels)
    return _Opened(_lines(content["class_names.txt"]), parts)


def _unpacked(builder: Any, *names: str) -> dict[str, UInt8[np.ndarray, " _"]]:
    """Files of a set's only archive, by their names without the folder that all are in."""
    (path,) = obtain(builder).values()
    folder = {"cifar10": "cifar-10-batches-bin", "stl10": "stl10_binary"}[builder.name]
    content = unpack(path, [f"{folder}/{name}" for name in names])
    return {name: content[f"{folder}/{name}"] for name in names}


def _lines(text: UInt8[np.ndarray, " _"]) -> tuple[str, ...]:
    return tuple(filter(None, text.tobytes().decode().splitlines()))


OFFICIAL = {"fashion_mnist": _fashion_mnist, "cifar10": _cifar10, "stl10": _stl10}
"""Opens the archives of each set that is read from them."""
