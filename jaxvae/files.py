"""Files: written whole or not at all, found in installed packages, and kept in the user's cache directory."""

import importlib.util
import os
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Writes beside the target and renames, so that an interrupted write leaves the former file whole.

    Args:
        path: file to write; missing parent folders are made.
        content: the whole file.

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
        package: as it is imported.
        name: of the file, relative to the package's folder.

    Returns:
        Its path; None if there is no such package, or no such file in it.
    """
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations or []) if spec else []
    files = (Path(folder) / name for folder in folders)
    return next((file for file in files if file.exists()), None)


def cache_directory() -> Path:
    """Where things are kept that can be made again: compiled programs, converted weights, statistics of data sets.

    Returns:
        jaxvae in $XDG_CACHE_HOME, or in ~/.cache.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxvae"
