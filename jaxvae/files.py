"""Files: atomic writes, files of installed packages, and the user's cache directory."""

import errno
import importlib.util
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Writes to a temporary file and renames it, so that an interrupted write leaves the previous file intact.

    The content is on the disk before the file has its name, so that this also holds for a loss of power.

    Args:
        path: file to write; missing parent folders are made.
        content: content of the file.

    Returns:
        The path written.

    Raises:
        OSError: the folder cannot be written to; no partial file is left.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                _sync(file.fileno())
            partial.replace(path)
        finally:
            with suppress(OSError):  # on a drive that is gone, the error before says so
                partial.unlink()
        _sync_folder(path.parent)
    return path


def append(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes at the end of a file that is open meanwhile only.

    Folders that a network mounts, such as Google Drive in Colab, may not keep what is in an open file when the machine
    is lost.

    Args:
        path: of the file; it is made if there is none, but not its folder.
        content: what to add.

    Raises:
        OSError: the file cannot be written.
    """
    with _named(Path(path)), open(path, "ab") as file:
        file.write(content)


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file or folder. `Path.exists` also says no where a drive does not answer, in newer Pythons.

    Args:
        path: of the file or folder.

    Returns:
        Whether it is there.

    Raises:
        OSError: the drive does not say.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Names a file in errors of the system, which name none for a write, and otherwise the temporary file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _sync(handle: int) -> None:
    """Waits until a file or folder is on the disk, where the file system can."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise


def _sync_folder(folder: Path) -> None:
    """Waits until the names of a folder's files are on the disk; nothing is lost but their newest names without."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def packaged(package: str, name: str | os.PathLike[str]) -> Path | None:
    """Finds a file in an installed package without importing the package.

    Args:
        package: import name of the package.
        name: path of the file relative to the package's folder.

    Returns:
        Path of the file; None if there is no such package or file.
    """
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations or []) if spec else []
    files = (Path(folder) / name for folder in folders)
    return next((file for file in files if file.exists()), None)


def cache_directory() -> Path:
    """Directory for what can be recomputed: compiled programs, converted weights, decoded pictures.

    Returns:
        $XDG_CACHE_HOME/jaxvae, by default ~/.cache/jaxvae.
    """
    try:
        home = Path.home()
    except RuntimeError:  # the user is a number without a name, as in some containers, whose home is this one
        home = Path("/")
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "jaxvae"


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Opens a file for reading, unless that could wait for ever, as a named pipe does.

    Args:
        path: of the file.

    Returns:
        The open file.

    Raises:
        OSError: there is no such file, it may not be read, or it is none of a disk.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(None, "it is no regular file", os.fspath(path))
    return open(path, "rb")
