"""Errors of one of several processes as errors of all."""

from collections.abc import Iterator
from contextlib import contextmanager

from jaxvae.processes import tell
from jaxvae.types import RunStopped


@contextmanager
def together() -> Iterator[None]:
    """Ends all processes if one of them fails within, so that none waits for what has ended.

    Raises:
        RunStopped: another process failed.
    """
    error: Exception | None = None
    try:
        yield
    except (OSError, ValueError, RunStopped) as failure:
        error = failure
    failed = [process for process, told in enumerate(tell(int(error is not None))) if told]
    if error is not None:
        raise error
    if failed:
        raise RunStopped(f"process {failed[0]} could not go on; it says why.", status=1)
