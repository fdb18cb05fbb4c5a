"""A user's folder of pictures as a data set of square RGB images, uint8 in [0, 255]."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import file_digest
from pathlib import Path

import numpy as np
from PIL import Image

from jaxvae.data.attributes import find_attributes, read_attributes
from jaxvae.data.dataset import DataError, Dataset
from jaxvae.data.decoded import Example, Kind, digest, keep, recall, say_left_out
from jaxvae.data.partition import find_partition, read_partition
from jaxvae.data.pictures import find_pictures, reason, square
from jaxvae.data.threads import in_parallel

_SPLITS = {"train", "test"}
_HELD_OUT = 10  # one picture in ten
_NOTHING = np.zeros(0, bool)


def read_folder(folder: str | os.PathLike[str], *, split: str, image_size: int) -> Dataset:
    """Reads one split of a folder of pictures; the first time it is decoded into the user's cache.

    Subfolders are classes if at least two of them hold pictures. If all pictures are in two folders "train" and
    "test", these are the splits, and the folders in them are classes; otherwise one picture in ten is held out for
    testing, chosen by the number of pictures alone. A folder that alone holds all pictures, even if its name is
    "train", is skipped: classes and splits are looked for inside it.

    CelebA's list_attr.txt in the outermost folder assigns attributes to pictures by file name; a CSV file may too. Its
    list_eval_partition.txt in the same place decides the splits, whatever the folders are: 0 is "train" and 2 is
    "test", as in TFDS's celeb_a. Pictures marked 1, CelebA's own validation set, are in neither.

    Args:
        folder: folder of pictures; all pictures of a known format in it or below are taken, except hidden ones and
            those in hidden folders.
        split: "train" or "test".
        image_size: side of the central squares after resizing, at least 1.

    Returns:
        The split in an order that mixes the classes: images [n, image_size, image_size, 3] mapped from the cache,
        labels -1 for pictures without a class. A line is printed if pictures had to be left out.

    Raises:
        DataError: there is no such folder, there are fewer than two pictures, a picture is smaller than 8 x 8, no
            picture of the split can be read, lists of attributes or partitions do not match the pictures, file names
            are not unique where there are such lists, or the cache cannot be written to.
    """
    root = Path(folder).expanduser()
    paths = find_pictures(root)
    if len(paths) < 2:
        raise DataError(
            f"{root} must hold at least two pictures, one to train on and one to test on, got {paths[0].name} alone."
        )
    lists = find_attributes(root), find_partition(root)
    names, attributes = read_attributes(lists[0], paths) if lists[0] else ((), {})
    parts = read_partition(lists[1], paths) if lists[1] else {}
    rows, places = _part([path.relative_to(root).parts for path in paths], parts, split)
    classes = sorted({place[0] for place in places if len(place) > 1})
    numbers = {name: number for number, name in enumerate(classes)} if len(classes) > 1 else {}

    def examples() -> Iterator[Example | str]:
        selected = [paths[row] for row in rows]
        decode = partial(_decode, root=root, image_size=image_size)
        decoded = in_parallel(decode, selected, total=len(selected), title=f"Decoding {root.name} {split}")
        for row, image in zip(rows, decoded, strict=True):
            if isinstance(image, str):
                yield image
            else:
                label = numbers.get(places[row][0], -1) if len(places[row]) > 1 else -1
                yield Example(image, label, attributes.get(paths[row].name, _NOTHING))

    content = content_digest(root, [*paths, *filter(None, lists)])
    kind = Kind(f"folder:{folder}", tuple(numbers), names)
    dataset, left_out = keep(digest("folder", content, split, image_size), examples(), kind)
    say_left_out(left_out, name=f"{kind.name} {split}")
    return dataset


def _part(
    places: list[tuple[str, ...]], parts: Mapping[str, str], split: str
) -> tuple[list[int], list[tuple[str, ...]]]:
    """Shuffled numbers of a split's pictures, and all pictures' paths below the folders of the splits.

    If `parts` is not empty it decides the split, by file name.
    """
    order = np.random.default_rng(0).permutation(len(places)).tolist()
    places = _unwrapped(places)
    held_out = set(order[: -(-len(places) // _HELD_OUT)])
    splits = ["test" if row in held_out else "train" for row in range(len(places))]
    if {place[0] for place in places} == _SPLITS:
        splits = [place[0] for place in places]
        places = _unwrapped([place[1:] for place in places])
    if parts:
        splits = [parts[place[-1]] for place in places]
    return [row for row in order if splits[row] == split], places


def _unwrapped(places: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The paths without leading folders that all pictures share."""
    while len({place[0] for place in places}) == 1 and min(map(len, places)) > 1:
        places = [place[1:] for place in places]
    return places


def _decode(path: Path, *, root: Path, image_size: int) -> np.ndarray | str:
    try:
        with Image.open(path) as picture:
            return square(picture, image_size)
    except DataError as error:
        raise DataError(f"{path} {error}; remove it.") from None
    # Every decoder of Pillow has its own exceptions for damaged files.
    except Exception as error:
        return f"{path.relative_to(root)} ({reason(error)})"


def content_digest(root: Path, files: Sequence[Path]) -> str:
    """Digest of the names and contents of files, cached as long as no file is modified.

    Args:
        root: a folder that they all are in.
        files: the files, at any depth.

    Returns:
        32 hexadecimal digits, which do not depend on the place of `root`.

    Raises:
        DataError: the cache cannot be written to.
    """
    places = [file.relative_to(root).as_posix() for file in files]
    stamps = list(zip(places, map(_stamp, files), strict=True))

    def read() -> str:
        digests = in_parallel(_sha256, files, total=len(files), title=f"Checking {root.name}", unit=" files")
        return digest(list(zip(places, digests, strict=True)))

    return recall(digest("content", str(root.resolve()), stamps), read)


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        status = file.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""
