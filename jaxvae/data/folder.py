"""A user's folder of pictures as a data set of square RGB images, uint8 in [0, 255]."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from jaxvae.data.attributes import find_attributes, read_attributes
from jaxvae.data.cache import digest
from jaxvae.data.contents import content_digests, read_unchanged, shown
from jaxvae.data.dataset import DataError, Dataset
from jaxvae.data.decoded import Example, Kind, few, keep, say_left_out
from jaxvae.data.listed import list_content
from jaxvae.data.partition import find_partition, read_partition
from jaxvae.data.pictures import reason, square
from jaxvae.data.splits import divide
from jaxvae.data.threads import in_parallel
from jaxvae.data.walk import pictures_among, visible_files
from jaxvae.screen import say

_NOTHING = np.zeros(0, bool)

_T = TypeVar("_T")


def read_folder(folder: str | os.PathLike[str], *, split: str, image_size: int) -> Dataset:
    """Reads one split of a folder of pictures; the first time it is decoded into the user's cache.

    Subfolders are classes if at least two of them hold pictures. If the outermost folders with pictures are named after
    splits, such as "train" and "test" or "Training" and "val", these are the splits, and the folders in them are
    classes; with a third split, the one for validation is in neither, and so are pictures beside these folders.
    Otherwise one picture in ten is held out for testing, chosen by the number of pictures alone. A folder that alone
    holds all pictures, even if its name is "train", is skipped: classes and splits are looked for inside it.

    CelebA's list_attr.txt in the folder, or below as in CelebA's own Anno, assigns attributes to pictures by file name;
    a CSV file may too. Its list_eval_partition.txt decides the splits, whatever the folders are: 0 is "train" and 2 is
    "test", as in TFDS's celeb_a. Pictures marked 1, CelebA's own validation set, are in neither.

    Args:
        folder: folder of pictures; all pictures of a known format in it or below are taken, except hidden ones and
            those in hidden folders. Links to folders are followed.
        split: "train" or "test".
        image_size: side of the central squares after resizing, at least 1.

    Returns:
        The split in an order that mixes the classes: images [n, image_size, image_size, 3] mapped from the cache,
        labels -1 for pictures without a class. A line is printed if pictures had to be left out, since they cannot be
        read or are smaller than 8 x 8, or if some are in neither split.

    Raises:
        DataError: there is no such folder, there are fewer than two pictures, no picture of the split can be used, a
            picture changes meanwhile, some folders are named after splits and others are not, links make a loop, lists
            of attributes or partitions do not match the pictures, file names are not unique where there are such
            lists, or the cache cannot be written to.
    """
    root = Path(folder).expanduser()
    name = shown(f"folder:{folder}")
    files = visible_files(root)
    paths = pictures_among(files, root)
    if len(paths) < 2:
        raise DataError(
            f"{root} must hold at least two pictures, one to train on and one to test on, got {paths[0].name} alone."
        )
    no_attributes: tuple[tuple[str, ...], dict[str, np.ndarray]] = ((), {})
    (names, attributes), seen = _list(find_attributes(files), paths, read_attributes, no_attributes)
    no_parts: dict[str, str] = {}
    parts, seen_parts = _list(find_partition(files), paths, read_partition, no_parts)
    division = divide(root, paths, parts)
    contents = content_digests({path.relative_to(root).as_posix(): path for path in paths}, title=root.name)
    expected = [*contents.values()]
    rows = [row for row in division.order if division.splits[row] == split]

    def examples() -> Iterator[Example | str]:
        decode = partial(_decode, root=root, image_size=image_size)
        selected = [(paths[row], expected[row]) for row in rows]
        decoded = in_parallel(decode, selected, total=len(selected), title=f"Decoding {root.name} {split}")
        for row, image in zip(rows, decoded, strict=True):
            if isinstance(image, str):
                yield image
            else:
                yield Example(image, division.labels[row], attributes.get(paths[row].name, _NOTHING))

    kind = Kind(name, division.class_names, names)
    key = digest("folder", list(contents.items()), seen, seen_parts, split, image_size)
    dataset, left_out = keep(key, examples(), kind)
    if division.left_out and split == "train":
        say(f"{name}: {len(division.left_out)} in neither split: {few(division.left_out)}.")
    say_left_out(left_out, name=f"{name} {split}")
    return dataset


def _list(
    file: Path | None, paths: Sequence[Path], read: Callable[[Path, bytes, Sequence[Path]], _T], nothing: _T
) -> tuple[_T, str]:
    """What a list says, and the digest of its content."""
    if file is None:
        return nothing, ""
    content = list_content(file)
    return read(file, content, paths), hashlib.sha256(content).hexdigest()


def _decode(file: tuple[Path, str], *, root: Path, image_size: int) -> np.ndarray | str:
    """The image, or a text that says why there is none."""
    path, expected = file
    try:
        with Image.open(io.BytesIO(read_unchanged(path, expected))) as picture:
            return square(picture, image_size)
    except (DataError, MemoryError):
        raise
    # Every decoder of Pillow has its own exceptions for damaged files.
    except Exception as error:
        return f"{shown(path.relative_to(root))} ({reason(error)})"
