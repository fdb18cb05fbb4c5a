"""Files: atomic writes, files of installed packages, and the user's cache directory."""

import importlib.util
import os
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Writes to a temporary file and renames it, so that an interrupted write leaves the previous file intact.

    Args:
        path: file to write; missing parent folders are made.
        content: content of the file.

    Returns:
        The path written.

    Raises:
        OSError: the folder cannot be written to; no partial file is left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


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
