"""CelebA put there by hand, read without TensorFlow: the official files, or the lists and pictures of its mirrors."""

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from jaxvae.data.archives import find, registered
from jaxvae.data.attributes import read_attributes
from jaxvae.data.cache import digest
from jaxvae.data.contents import content_digests, read_unchanged
from jaxvae.data.dataset import DataError
from jaxvae.data.download import verify
from jaxvae.data.listed import list_content
from jaxvae.data.official import order
from jaxvae.data.partition import read_partition
from jaxvae.data.pictures import reason
from jaxvae.data.walk import find_pictures

_PICTURES = ("img_align_celeba.zip", "img_align_celeba")
_ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
_PARTITION = ("list_eval_partition.txt", "list_eval_partition.csv")
_FORMS = {"Img": _PICTURES, "Anno": _ATTRIBUTES, "Eval": _PARTITION}
"""Names of the files, by the folder that their authors publish them in."""


@dataclass(frozen=True, eq=False)
class CelebA:
    """One split's examples in TFDS's order, encoded, as TFDS's `data_source` gives them.

    Attributes:
        folder: where the pictures are, a folder or a zip archive.
        names: the pictures' file names.
        files: reads the file of a picture by its name.
        attribute_names: names of the k attributes.
        attributes: [k], whether a picture has each attribute, by its file name.
        identity: digest of all files.
    """

    folder: Path
    names: list[str]
    files: Mapping[str, Callable[[], bytes]]
    attribute_names: tuple[str, ...]
    attributes: Mapping[str, Bool[np.ndarray, " k"]]
    identity: str

    def __len__(self) -> int:
        return len(self.names)

    def __getitems__(self, rows: Iterable[int]) -> list[dict[str, Any]]:
        """Reads examples.

        Args:
            rows: their numbers.

        Returns:
            For each, the content of its "image" file, and its "attributes" by name.

        Raises:
            DataError: a picture cannot be read.
        """
        return [
            {
                "image": self._read(name),
                "attributes": dict(zip(self.attribute_names, self.attributes[name], strict=True)),
            }
            for name in (self.names[row] for row in rows)
        ]

    def _read(self, name: str) -> bytes:
        try:
            return self.files[name]()
        except (DataError, MemoryError):
            raise
        # A damaged archive makes zipfile raise half a dozen exceptions.
        except Exception as error:
            raise DataError(
                f"CelebA's picture {name} cannot be read ({reason(error)}); replace its archive."
            ) from None


def find_celeb_a(builder: Any, split: str) -> CelebA | None:
    """Finds CelebA's files where its archives are looked for; see `archives.places`.

    Files with official names must be those that TFDS has registered. The lists may also be CSV files, and the pictures
    lie in a folder `img_align_celeba`. All may be in the folders Anno, Eval and Img, in which their authors have them.

    Args:
        builder: celeb_a's `tfds.core.DatasetBuilder`.
        split: "train", "validation" or "test".

    Returns:
        The split; None if the pictures or one of the two lists is not there.

    Raises:
        DataError: an official file is another version, or the lists and the pictures do not match.
    """
    files = [_first(builder, folder) for folder in _FORMS]
    pictures, attributes, partition = files
    if pictures is None or attributes is None or partition is None:
        return None
    official = {archive.filename: archive for archive in registered(builder)}
    for file in (attributes, partition, pictures):
        if file.name in official:
            verify(official[file.name], file)
    paths, readers, identity = _open(pictures)
    lists = {file: list_content(file) for file in (attributes, partition)}
    names, values = read_attributes(attributes, lists[attributes], paths)
    expected = builder.info.features["attributes"]
    if wrong := set(names) ^ set(expected):
        verb = "names" if min(wrong) in names else "lacks"
        raise DataError(
            f"{attributes} must list CelebA's {len(expected)} attributes, but {verb} {min(wrong)}; replace it."
        )
    parts = read_partition(partition, lists[partition], paths)
    chosen = sorted(name for name, part in parts.items() if part == split)
    content = digest(identity, *(hashlib.sha256(text).hexdigest() for text in lists.values()))
    return CelebA(pictures, [chosen[row] for row in order(split, chosen)], readers, names, values, content)


def missing_files(builder: Any) -> list[str]:
    """Says what CelebA lacks.

    Args:
        builder: celeb_a's `tfds.core.DatasetBuilder`.

    Returns:
        Official names of the files of which no form is there.
    """
    return [names[0] for folder, names in _FORMS.items() if _first(builder, folder) is None]


def _first(builder: Any, folder: str) -> Path | None:
    names = [place + name for name in _FORMS[folder] for place in ("", f"{folder}/")]
    return next((path for path in (find(builder, name) for name in names) if path is not None), None)


def _open(pictures: Path) -> tuple[list[Path], dict[str, Callable[[], bytes]], list[tuple[str, str]]]:
    """Paths of all pictures, how to read each by its name, and what tells their contents from others."""
    if pictures.is_dir():
        paths = find_pictures(pictures)
        contents = content_digests(
            {path.relative_to(pictures).as_posix(): path for path in paths}, title="CelebA"
        )
        readers: dict[str, Callable[[], bytes]] = {
            path.name: partial(read_unchanged, path, expected)
            for path, expected in zip(paths, contents.values(), strict=True)
        }
        return paths, readers, list(contents.items())
    try:
        archive = zipfile.ZipFile(pictures)
    # A damaged archive makes zipfile raise half a dozen exceptions.
    except Exception as error:
        raise DataError(f"{pictures} cannot be read ({reason(error)}); replace it.") from None
    names = [name for name in archive.namelist() if not name.endswith("/")]
    readers = {Path(name).name: partial(archive.read, name) for name in names}
    return (
        [Path(name) for name in names],
        readers,
        list(content_digests({"": pictures}, title="CelebA").items()),
    )
