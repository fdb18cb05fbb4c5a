"""Writing a file so that a reader never meets half of it."""

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
