"""A lock on a directory, so that no two processes write one run."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_HELD: dict[tuple[int, int], int] = {}
"""Directories of this process, by device and inode, opened; their locks end with the process."""


def claim(directory: Path) -> None:
    """Locks a directory until this process ends, however it ends; nothing is written into it.

    Where the file system or the platform has no such locks, nothing happens.

    Args:
        directory: one that exists.

    Raises:
        ValueError: another process holds it.
    """
    if sys.platform == "win32":
        return
    found = directory.stat()
    place = found.st_dev, found.st_ino
    if place in _HELD:
        return
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        # Of a directory that may be written but not listed.
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ValueError(
            f"{directory} is held by another process, which writes a run into it; wait for its end, or choose another "
            "--workdir."
        ) from None
    except OSError:
        os.close(handle)
    else:
        _HELD[place] = handle
