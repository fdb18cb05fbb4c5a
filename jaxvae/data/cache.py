"""The user's cache of decoded pictures and of what takes long to find out about files.

A file of facts holds JSON below a line with its SHA-256, so that a damaged one is not believed but made again.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import PIL

from jaxvae.data.dataset import DataError
from jaxvae.files import cache_directory, write_atomically

_STEP = 20_000_000  # ns; file systems have steps of up to 10 ms
_FORMAT = 3  # version of the cache's layout and of the decoding


def pictures_directory() -> Path:
    """Directory of decoded pictures, which need not exist."""
    return cache_directory() / "pictures"


def digest(*parts: Any) -> str:
    """Digest of the values' `repr`, and of the version of Pillow, which decodes.

    Args:
        *parts: strings, numbers, and tuples and lists of them.

    Returns:
        32 hexadecimal digits, a file name.
    """
    return hashlib.sha256(repr((_FORMAT, PIL.__version__, *parts)).encode()).hexdigest()[:32]


def stamp(file: Path) -> tuple[int, ...]:
    """What changes when a file is modified.

    Args:
        file: path of a file.

    Returns:
        Its length, its times of modification and of change, in ns; empty if it is no regular file.
    """
    try:
        status = file.stat()
    except OSError:
        return ()
    regular = stat.S_ISREG(status.st_mode)
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns) if regular else ()


def settled(stamps: Iterable[Sequence[int]]) -> bool:
    """Whether any later modification of files will change their stamps; clocks of file systems have steps.

    Args:
        stamps: stamps of the files, just taken.

    Returns:
        Whether none was modified within the last step.
    """
    now = time.time_ns()
    return not any(0 <= now - numbers[2] < _STEP for numbers in stamps if numbers)


def recall(key: str, find: Callable[[], tuple[Any, bool]]) -> Any:
    """Caches what takes long to find out, once per key.

    Args:
        key: digest of everything that the value depends on.
        find: finds the value, made of lists, texts and numbers, and says whether to cache it.

    Returns:
        The value.

    Raises:
        DataError: the cache cannot be written to.
    """
    note = pictures_directory() / f"{key}.txt"
    with contextlib.suppress(OSError, ValueError):
        return read_facts(note)
    value, lasting = find()
    if lasting:
        with writing():
            remove(note)
            write_facts(note, value)
    return value


def write_facts(file: Path, facts: Any) -> None:
    """Writes a file of facts.

    Args:
        file: path of the file.
        facts: lists, texts, numbers, and dictionaries of them by texts.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(facts).encode()
    write_atomically(file, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)


def read_facts(file: Path) -> Any:
    """Reads a file of facts.

    Args:
        file: path of the file.

    Returns:
        The facts.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is damaged.
    """
    if not stamp(file):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    seal, _, text = file.read_bytes().partition(b"\n")
    if seal != hashlib.sha256(text).hexdigest().encode():
        raise ValueError(f"{file} is damaged")
    return json.loads(text)


def remove(path: Path) -> None:
    """Removes a file or a folder, if there is one.

    Args:
        path: path of either.

    Raises:
        OSError: a file cannot be removed. What cannot be removed of a folder stays.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Surrounds what writes into the cache.

    Raises:
        DataError: that raised OSError.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise DataError(
            f"decoded pictures cannot be kept in {pictures_directory()}: {error.strerror or error}; "
            f"set XDG_CACHE_HOME to a directory {'with space for them' if full else 'that can be written to'}."
        ) from None
