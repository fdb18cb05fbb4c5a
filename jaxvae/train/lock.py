"""A lock on a directory, so that two processes never write the same run."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_HELD: dict[tuple[int, int], int] = {}
"""Open handles of the directories that this process has locked, by device and inode."""


_CLAIMED: dict[Path, int] = {}
"""The handle of what was last claimed at each path."""


def claim(directory: Path) -> None:
    """Locks a directory until this process ends, however it ends. Nothing is written into the directory.

    Does nothing if the file system or the platform has no such locks.

    Args:
        directory: an existing directory.

    Raises:
        ValueError: another process holds the lock.
    """
    if sys.platform == "win32":
        return
    status = directory.stat()
    identity = status.st_dev, status.st_ino
    if identity in _HELD:
        _CLAIMED[directory.absolute()] = _HELD[identity]
        return
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        # The directory may be writable without being readable.
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ValueError(
            f"{directory} is held by another process, which writes a run into it; wait until it ends, or choose "
            "another --workdir."
        ) from None
    except OSError:
        os.close(handle)
    else:
        _HELD[identity] = _CLAIMED[directory.absolute()] = handle


def is_deleted(directory: Path) -> bool:
    """Whether a directory that this process claimed has been deleted, even if another one is in its place.

    Args:
        directory: path of the directory.

    Returns:
        Whether it is known to be deleted; False where the platform has no locks.
    """
    handle = _CLAIMED.get(directory.absolute())
    return handle is not None and os.fstat(handle).st_nlink == 0
