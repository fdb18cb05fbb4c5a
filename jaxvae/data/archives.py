"""Where the official archives of a data set are: put there by hand, or downloaded when they are first needed."""

import posixpath
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxvae.data.dataset import DataError
from jaxvae.data.download import Archive, UnreachableError, download, verify
from jaxvae.screen import Bar

_CHUNK = 1 << 20


def registered(builder: Any) -> list[Archive]:
    """The archives of a data set, with the lengths and checksums that the installed TFDS has registered for them.

    Args:
        builder: the set's `tfds.core.DatasetBuilder`.

    Returns:
        The archives, sorted by name.
    """
    infos = builder.url_infos.items()
    archives = [Archive(url, info.filename, int(info.size), info.checksum) for url, info in infos]
    return sorted(archives, key=lambda archive: archive.filename)


def places(builder: Any) -> list[Path]:
    """Folders in which a set's archives are looked for; they are downloaded into the first.

    The first belongs to this set alone, since MNIST's and Fashion-MNIST's files have the same names.

    Args:
        builder: the set's `tfds.core.DatasetBuilder`.

    Returns:
        A folder of this set, TFDS's folder for archives put there by hand, and the data directory itself.
    """
    root = Path(builder.data_dir_root).expanduser()
    return [root / "downloads" / builder.name, root / "downloads" / "manual", root]


def find(builder: Any, filename: str) -> Path | None:
    """Finds a file that may have been put into one of the set's folders.

    Args:
        builder: the set's `tfds.core.DatasetBuilder`.
        filename: name of the file or folder.

    Returns:
        Its path in the first folder that has it; None if none has.
    """
    paths = (folder / filename for folder in places(builder))
    return next((path for path in paths if path.exists()), None)


def obtain(builder: Any) -> dict[str, Path]:
    """Finds all archives of a set, or downloads those that are missing.

    Args:
        builder: the set's `tfds.core.DatasetBuilder`.

    Returns:
        Path of each verified archive by its file name.

    Raises:
        DataError: an archive is missing and cannot be downloaded, or is another one than TFDS has registered.
    """
    archives = registered(builder)
    found = {archive.filename: find(builder, archive.filename) for archive in archives}
    for archive in archives:
        path = found[archive.filename]
        if path is None:
            absent = [name for name, path in found.items() if path is None]
            try:
                found[archive.filename] = download(archive, places(builder)[0])
            except UnreachableError as error:
                way = f"put {', '.join(absent)} into {places(builder)[0]}, or connect to the network"
                raise DataError(ways_out(builder, f"cannot be downloaded now, {error}", way)) from None
        else:
            verify(archive, path)
    return {name: path for name, path in found.items() if path is not None}


def ways_out(builder: Any, problem: str, *ways: str) -> str:
    """Says what a user can do about a set that is not there.

    Args:
        builder: the set's `tfds.core.DatasetBuilder`.
        problem: why it is not there, a clause without subject.
        *ways: what helps in this case, each an imperative clause.

    Returns:
        One line.
    """
    others = _others(builder)
    more = [
        "point data_dir (--data-dir) at a folder where TFDS has prepared it as array_record",
        "use source 'bundled', the files that ship with jaxvae"
        if builder.name == "mnist"
        else "use pictures of your own (--data folder:PATH)",
    ]
    return (
        f"{builder.name} is not prepared in {builder.data_dir_root}{others} and {problem}; "
        f"{'; or '.join([*ways, *more])}."
    )


def _others(builder: Any) -> str:
    root = Path(builder.data_dir_root).expanduser()
    names = sorted({info.parents[1].name for info in root.glob("*/*/dataset_info.json")})
    return f" (where {', '.join(names)} is)" if names else ""


def unpack(archive: Path, names: Collection[str]) -> dict[str, UInt8[np.ndarray, " _"]]:
    """Reads files out of a tar archive; nothing else in it is unpacked.

    Args:
        archive: path of the archive, compressed in any way.
        names: paths of the files in it.

    Returns:
        The bytes of each, mapped from a temporary file that goes when the array does.

    Raises:
        DataError: the archive is damaged, lacks a file, or there is no space for temporary files.
    """
    found: dict[str, np.ndarray] = {}
    title = f"Unpacking {archive.name}"
    bar = partial(Bar.wrapattr, desc=title, total=archive.stat().st_size, disable=None, leave=False)
    try:
        with (
            archive.open("rb") as raw,
            bar(raw, "read") as stream,
            tarfile.open(fileobj=stream, mode="r|*") as tar,
        ):
            for member in tar:
                name = posixpath.normpath(member.name)
                content = tar.extractfile(member) if name in names and member.size else None
                if content is not None:
                    found[name] = _on_disk(content)
                if len(found) == len(names):
                    return found
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{archive} is damaged ({error}); remove it and run again.") from None
    missing = ", ".join(name for name in names if name not in found)
    raise DataError(f"{archive} lacks {missing}; remove it and run again.")


def _on_disk(content: Any) -> np.ndarray:
    """Copies a file into a temporary one without a name, so that it needs no memory of its own."""
    try:
        with tempfile.TemporaryFile() as file:
            shutil.copyfileobj(content, file, _CHUNK)
            file.flush()
            return np.memmap(file, np.uint8, "r")
    except OSError as error:
        if error.errno is None:  # of the archive, not of the disk
            raise
        raise DataError(
            f"{tempfile.gettempdir()} cannot hold an unpacked archive: {error.strerror}; set TMPDIR to a directory "
            "with space for it."
        ) from None
