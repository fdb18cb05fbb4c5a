"""What is said on the screen: lines and progress bars, which never end the work that they tell of."""

import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any

from tqdm import tqdm


class _Absent(io.TextIOBase):
    """In the place of a stream that the process was started without."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


class Stream:
    """A text stream that goes on where the screen does not: on a full disk, with a broken pipe, or closed.

    What cannot be written is lost. Characters that the screen's encoding lacks become question marks.

    Args:
        wrapped: stdout or stderr; None if the process was started without it.

    Attributes:
        error: why something was lost; None if nothing was.
    """

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = (
            _Absent() if wrapped is None else wrapped
        )  # tqdm knows what its own streams wrap by this name, too
        self.error: OSError | ValueError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def __eq__(self, other: object) -> bool:
        return bool(self._wrapped == getattr(other, "_wrapped", other))

    def __hash__(self) -> int:
        return hash(self._wrapped)

    def write(self, text: str) -> int:
        """Writes a text, or loses it.

        Args:
            text: of any characters.

        Returns:
            Its length.
        """
        with self._losing():
            try:
                self._wrapped.write(text)
            except UnicodeEncodeError as error:
                self._wrapped.write(text.encode(error.encoding, "replace").decode(error.encoding))
        return len(text)

    def flush(self) -> None:
        """Hands on what is buffered, or loses it."""
        with self._losing():
            self._wrapped.flush()

    def settle(self) -> None:
        """Flushes for the last time. What stays in the buffer is dropped, since Python fails to flush it on exit."""
        with suppress(OSError, ValueError):
            try:
                self._wrapped.flush()
            except OSError as error:
                self.error = error
                with open(os.devnull, "wb") as nowhere:
                    os.dup2(nowhere.fileno(), self._wrapped.fileno())
                self._wrapped.flush()

    @contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # a closed stream raises the latter
            self.error = error


class Bar(tqdm):
    """A progress bar on stderr, which goes on where stderr does not.

    Args:
        iterable: what to count; None to count by `update`.
        **options: of tqdm.
    """

    def __init__(self, iterable: Iterable[Any] | None = None, **options: Any) -> None:
        super().__init__(iterable, file=_guarded(sys.stderr), **options)

    @staticmethod
    def status_printer(file: Any) -> Any:
        """What writes the bar; tqdm flushes both streams before."""
        with redirect_stdout(_guarded(sys.stdout)), redirect_stderr(_guarded(sys.stderr)):
            return tqdm.status_printer(file)


def say(text: str) -> None:
    """Writes a line to stdout, above the progress bars.

    Args:
        text: without a newline at its end.
    """
    Bar.write(text, file=_guarded(sys.stdout))


@contextmanager
def guarded() -> Iterator[tuple[Stream, Stream]]:
    """Lets all that Python code prints go to streams that do not fail.

    In the place of closed ones it opens nothing, or the next file to be opened would get what C++ code says.

    Yields:
        Those of stdout and of stderr.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    out, err = _guarded(sys.stdout), _guarded(sys.stderr)
    with redirect_stdout(out), redirect_stderr(err):
        try:
            yield out, err
        finally:
            out.settle()
            err.settle()


def _guarded(stream: Any) -> Any:
    return stream if isinstance(stream, Stream) else Stream(stream)
