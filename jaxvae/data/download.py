"""Official archives: downloaded with progress, continued after an interruption, and verified before they are used."""

import contextlib
import errno
import hashlib
import http.client
import os
import shutil
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxvae.data.dataset import DataError
from jaxvae.screen import Bar

_ANSWER_SECONDS = 5.0
_SILENCE_SECONDS = 30.0
_CHUNK = 1 << 18


class UnreachableError(Exception):
    """A host does not answer, or does not have the archive; the message is a clause that says which."""


@dataclass(frozen=True)
class Archive:
    """A file of a data set, as its authors published it.

    Attributes:
        url: where it can be downloaded.
        filename: its name.
        size: its length in bytes.
        sha256: its SHA-256, 64 hexadecimal digits.
    """

    url: str
    filename: str
    size: int
    sha256: str


def verify(archive: Archive, file: Path) -> None:
    """Refuses a file that is not the archive.

    Args:
        archive: the archive expected.
        file: an existing file.

    Raises:
        DataError: the length or the SHA-256 is another, or the file cannot be read.
    """
    found = _difference(archive, file)
    if found:
        raise DataError(
            f"{file} is not the {archive.filename} that TFDS has registered (truncated, altered or another version): "
            f"{found}; remove it, and the next run downloads it, or replace it by the file from {archive.url}."
        )


def download(archive: Archive, folder: Path) -> Path:
    """Downloads an archive, beginning where an interrupted download of it ended.

    What has arrived is kept as FILENAME.partial. It gets its name only when its length and SHA-256 are right.

    Args:
        archive: the archive.
        folder: folder to put it into; made if it is missing.

    Returns:
        Path of the verified file.

    Raises:
        UnreachableError: the host does not answer, or does not have the archive; nothing is changed on the disk.
        DataError: the connection breaks, other bytes than the registered ones arrive, or the disk cannot be written to.
    """
    file, partial = folder / archive.filename, folder / f"{archive.filename}.partial"
    start = partial.stat().st_size if partial.is_file() else 0
    if start > archive.size:
        start = 0
    if start < archive.size:
        headers = {"Range": f"bytes={start}-"} if start else {}
        request = urllib.request.Request(archive.url, headers=headers)
        with contextlib.closing(_ask(request)) as answer, _writing(archive, folder):
            start = _continued(archive, answer, start)
            folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(folder).free < archive.size - start:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with _alone(archive, partial) as target:
                target.truncate(start)
                _receive(archive, answer, target, start)
    found = _difference(archive, partial)
    if found:
        partial.unlink()
        raise DataError(
            f"{archive.url} gave other bytes than TFDS has registered: {found}; they are removed. Run again to "
            f"download it anew, or put the right {archive.filename} into {folder}."
        )
    with _writing(archive, folder):
        partial.replace(file)
    return file


def reachable(url: str) -> bool:
    """Asks a host whether it has a file.

    Args:
        url: address of the file.

    Returns:
        Whether the host said within seconds that it has it.
    """
    try:
        _ask(urllib.request.Request(url, method="HEAD")).close()
    except UnreachableError:
        return False
    return True


def _ask(request: urllib.request.Request) -> Any:
    """The host's answer to a request."""
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(urllib.request.urlopen(request, timeout=_SILENCE_SECONDS))
        except urllib.error.HTTPError as error:
            answers.append(f"answers {error.code} {error.reason}")
        except (OSError, http.client.HTTPException) as error:
            answers.append(f"cannot be reached ({_reason(error)})")

    # Name resolution has no timeout of its own; if it hangs it is left behind in a daemon thread.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_ANSWER_SECONDS)
    answer = answers[0] if answers else f"has not answered for {_ANSWER_SECONDS:g} s"
    if isinstance(answer, str):
        raise UnreachableError(f"{request.host} {answer}")
    return answer


def _continued(archive: Archive, answer: Any, start: int) -> int:
    """Number of the first byte that the host sends."""
    length = answer.headers.get("Content-Length")
    if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
        start = 0
    if length is not None and start + int(length) != archive.size:
        raise DataError(
            f"{archive.url} is another version than TFDS has registered: expected {archive.size} bytes, got "
            f"{start + int(length)}; nothing was downloaded. Put the right {archive.filename} there by hand."
        )
    return start


def _receive(archive: Archive, answer: Any, target: Any, start: int) -> None:
    title = f"Downloading {archive.filename}"
    bar = Bar(
        total=archive.size, initial=start, desc=title, unit="B", unit_scale=True, disable=None, leave=False
    )
    with bar:
        while start < archive.size:
            try:
                part = answer.read1(min(_CHUNK, archive.size - start))
            except (OSError, http.client.HTTPException) as error:
                why = f" ({_reason(error)})"
                part = getattr(error, "partial", b"")
            else:
                why = ""
            target.write(part)
            start += len(part)
            bar.update(len(part))
            if why or not part:
                target.flush()
                raise DataError(
                    f"the connection to {_host(archive)} broke{why} after {_megabytes(start)} of "
                    f"{_megabytes(archive.size)} of {archive.filename}; run again to continue from there."
                )


@contextlib.contextmanager
def _alone(archive: Archive, partial: Path) -> Iterator[Any]:
    """The partial file, which no other process writes to meanwhile."""
    with partial.open("ab") as target:
        try:
            import fcntl
        except ImportError:  # Windows
            yield target
            return
        try:
            fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"{archive.filename} is being downloaded into {partial.parent} by another process; run again when it "
                "has finished."
            ) from None
        except OSError:  # a file system without locks
            pass
        yield target


@contextlib.contextmanager
def _writing(archive: Archive, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{archive.filename} cannot be kept in {folder}: {error.strerror or error}; it takes "
            f"{_megabytes(archive.size)} there. Run again to continue, or point data_dir (--data-dir) elsewhere."
        ) from None


def _difference(archive: Archive, file: Path) -> str:
    """What distinguishes a file from the archive; empty if nothing does."""
    try:
        size = os.path.getsize(file)
        if size != archive.size:
            return f"expected {archive.size} bytes, got {size}"
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from None
    return "" if sha256 == archive.sha256 else f"expected SHA-256 {archive.sha256}, got {sha256}"


def _host(archive: Archive) -> str:
    return urllib.parse.urlsplit(archive.url).netloc


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return " ".join(str(getattr(cause, "strerror", None) or cause).split()) or type(error).__name__
