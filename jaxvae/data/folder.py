"""A user's own folder of pictures as a data set: squares of one size, RGB, uint8 in [0, 255]."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
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
_HELD_OUT = 10  # one picture in so many
_NOTHING = np.zeros(0, bool)


def read_folder(folder: str | os.PathLike[str], *, split: str, image_size: int) -> Dataset:
    """Reads one split of a folder of pictures, the first time by decoding it into the user's cache.

    The folders in it are classes, if there are at least two that hold pictures. Folders "train" and "test", if all
    pictures lie in these two, are the splits, and the folders in them the classes; otherwise one picture in ten is
    held out for testing, chosen by the number of pictures alone. A folder that alone holds all pictures, be it
    called "train", is passed through: classes and splits are looked for in it.

    CelebA's list_attr.txt in the outermost folder gives attributes to the pictures by their file names. Its
    list_eval_partition.txt there decides the splits, whatever folders say: "train" is what has the number 0, and
    "test" what has 2, as in TFDS's celeb_a. The pictures of 1, CelebA's own validation set, are in neither.

    Args:
        folder: any picture of a known kind in it or below is taken, unless it or a folder on its way is hidden.
        split: "train" or "test".
        image_size: side of the squares that are cut from the pictures' middles and resized, at least 1.

    Returns:
        The split in an order that mixes the classes, images [n, image_size, image_size, 3] mapped from the cache,
        labels -1 where a picture is of no class. A line is printed if pictures had to be left out.

    Raises:
        DataError: no such folder, fewer than two pictures, a picture smaller than 8 x 8, none in the split that can
            be read, lists of attributes or parts that do not fit the pictures, several pictures of one name where
            there are such lists, or a cache that cannot be written to.
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
        chosen = [paths[row] for row in rows]
        decode = partial(_decode, root=root, image_size=image_size)
        decoded = in_parallel(decode, chosen, total=len(chosen), title=f"Decoding {root.name} {split}")
        for row, image in zip(rows, decoded, strict=True):
            if isinstance(image, str):
                yield image
            else:
                label = numbers.get(places[row][0], -1) if len(places[row]) > 1 else -1
                yield Example(image, label, attributes.get(paths[row].name, _NOTHING))

    content = _content(root, [*paths, *filter(None, lists)])
    kind = Kind(f"folder:{folder}", tuple(numbers), names)
    dataset, left_out = keep(digest("folder", content, split, image_size), examples(), kind)
    say_left_out(left_out, name=f"{kind.name} {split}")
    return dataset


def _part(
    places: list[tuple[str, ...]], parts: Mapping[str, str], split: str
) -> tuple[list[int], list[tuple[str, ...]]]:
    """Numbers of the pictures of a split, mixed, and the places of all pictures below the folders of splits.

    The parts, by file names, decide the split if there are any.
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
    """The places below all folders that alone hold every picture."""
    while len({place[0] for place in places}) == 1 and min(map(len, places)) > 1:
        places = [place[1:] for place in places]
    return places


def _decode(path: Path, *, root: Path, image_size: int) -> np.ndarray | str:
    try:
        with Image.open(path) as picture:
            return square(picture, image_size)
    except DataError as error:
        raise DataError(f"{path} {error}; remove it.") from None
    # Each of Pillow's decoders fails on damaged files in ways of its own.
    except Exception as error:
        return f"{path.relative_to(root)} ({reason(error)})"


def _content(root: Path, files: Sequence[Path]) -> str:
    """Digest of the names and contents of files, remembered as long as no file is touched."""
    places = [file.relative_to(root).as_posix() for file in files]
    stamps = list(zip(places, map(_stamp, files), strict=True))

    def read() -> str:
        digests = in_parallel(
            _sha256, files, total=len(files), title=f"Looking through {root.name}", unit=" files"
        )
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
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
