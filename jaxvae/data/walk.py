"""The files of a folder that a user sees, at any depth, each folder once, and the pictures among them."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from jaxvae.data.dataset import DataError

ENDINGS = (
    *(
        ".apng",
        ".avif",
        ".bmp",
        ".dib",
        ".gif",
        ".heic",
        ".heif",
        ".j2k",
        ".jfif",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpg",
    ),
    *(".jxl", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
"""Extensions of picture files, in lower or upper case, whether the installed Pillow reads them or not."""

_SYSTEM = {"lost+found", "System Volume Information", "$RECYCLE.BIN", "__MACOSX", "@eaDir"}
"""Folders that systems put beside a user's files."""


def find_pictures(folder: str | os.PathLike[str]) -> list[Path]:
    """Finds the pictures among the `visible_files` of a folder.

    Args:
        folder: folder to search.

    Returns:
        One or more paths, sorted.

    Raises:
        DataError: as `visible_files`, or there are no pictures.
    """
    return pictures_among(visible_files(folder), folder)


def pictures_among(files: Iterable[Path], folder: str | os.PathLike[str]) -> list[Path]:
    """Chooses the pictures among files.

    Args:
        files: paths of files.
        folder: the folder that they are in, named in errors.

    Returns:
        One or more paths, in the same order.

    Raises:
        DataError: there are no pictures among them.
    """
    paths = [path for path in files if path.suffix.lower() in ENDINGS]
    if not paths:
        raise DataError(f"{folder} holds no pictures; known are files ending in {', '.join(ENDINGS)}.")
    return paths


def visible_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Lists the files in a folder and its subfolders, except hidden files and those in folders hidden or of the system.

    Links to folders are followed. A folder that is reached in several ways is read once, under its own name if that is
    in `folder`.

    Args:
        folder: folder to search.

    Returns:
        Paths of all that is no folder, sorted; not all need be regular files, and links may lead nowhere.

    Raises:
        DataError: there is no such folder, it or a folder in it cannot be read, or a link leads to a folder that the
            link is in.
    """
    root = Path(folder)
    if not root.is_dir():
        kind = "a file" if root.exists() else "missing"
        raise DataError(f"{root} must be a folder of pictures, but is {kind}.")
    files: list[Path] = []
    seen: set[tuple[int, int]] = set()
    links = [(root, [_identity(above) for above in root.resolve().parents])]
    while links:
        # A folder's own name comes before the links to it.
        waiting, links = sorted(links, reverse=True), []
        while waiting:
            path, above = waiting.pop()
            identity = _identity(path)
            if identity in above:
                raise DataError(f"{path} is a link to a folder that it is in, a loop; remove the link.")
            if identity in seen:
                continue
            seen.add(identity)
            for entry in _entries(path):
                if not _is_folder(entry):
                    files.append(path / entry.name)
                else:
                    group = links if entry.is_symlink() else waiting
                    group.append((path / entry.name, [*above, identity]))
    return sorted(files)


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    return status.st_dev, status.st_ino


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [e for e in entries if not e.name.startswith(".") and e.name not in _SYSTEM]
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read: {error.strerror or error}; give access to it, or move it away.")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DataError(f"{entry.path} is a link to itself, a loop; remove it.") from None
        return False
