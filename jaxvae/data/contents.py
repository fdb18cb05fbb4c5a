"""Digests of files' contents, which tell whether what is decoded is what the cache is named after."""

import errno
import os
import stat
from collections.abc import Mapping
from hashlib import file_digest, sha256
from pathlib import Path

from jaxvae.data.cache import digest, recall, settled, stamp
from jaxvae.data.dataset import DataError
from jaxvae.data.threads import in_parallel


def read_regular(file: Path) -> bytes:
    """Reads a file, unless it is a pipe or a device, which might never end.

    Args:
        file: path of the file, or of a link to it.

    Returns:
        Its content.

    Raises:
        OSError: the file is no regular one, or cannot be read.
    """
    _check_regular(file)
    return file.read_bytes()


def content_digests(files: Mapping[str, Path], *, title: str) -> dict[str, str]:
    """Digests of the contents of files, cached as long as no file is modified.

    Args:
        files: the files by names that tell them apart.
        title: what they are, for a progress bar.

    Returns:
        64 hexadecimal digits by name; an empty text for a file that cannot be read.

    Raises:
        DataError: the cache cannot be written to.
    """

    def stamps() -> list[tuple[str, tuple[int, ...]]]:
        return [(str(file.absolute()), stamp(file)) for file in files.values()]

    before = stamps()
    lasting = settled(numbers for _, numbers in before)

    def find() -> tuple[list[str], bool]:
        paths = list(files.values())
        found = list(in_parallel(_digest, paths, total=len(paths), title=f"Checking {title}", unit=" files"))
        return found, lasting and all(found) and stamps() == before

    return dict(zip(files, recall(digest("content", before), find), strict=True))


def read_unchanged(file: Path, expected: str) -> bytes:
    """Reads a file whose digest is known.

    Args:
        file: path of the file.
        expected: what `content_digests` found.

    Returns:
        Its content.

    Raises:
        DataError: the file has another content than before, or could be read before and cannot be now.
        OSError: the file could not be read before, and cannot be now.
    """
    try:
        content = read_regular(file)
    except OSError:
        if not expected:
            raise
        content = b""
    if sha256(content).hexdigest() != expected:
        raise DataError(f"{file} has changed while it was read; run again once nothing writes to it.")
    return content


def shown(name: str | os.PathLike[str]) -> str:
    r"""Makes a file's name printable.

    Args:
        name: name or path of a file, whose bytes may be no UTF-8.

    Returns:
        The name, with bytes that are no UTF-8 written as \xff.
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _digest(file: Path) -> str:
    try:
        _check_regular(file)
        with file.open("rb") as content:
            return file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""


def _check_regular(file: Path) -> None:
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(errno.EINVAL, "no regular file", str(file))
