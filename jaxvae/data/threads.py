"""Parallel work on many small items in threads."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from jaxvae.screen import Bar

_SLICE = 1_024

T = TypeVar("T")
S = TypeVar("S")


def in_parallel(
    function: Callable[[S], T], items: Iterable[S], *, total: int, title: str, unit: str = " images"
) -> Iterator[T]:
    """Maps a function over items in threads, in order, with a progress bar and a bounded number of waiting results.

    Args:
        function: function that mostly runs without the interpreter's lock, such as Pillow's and hashlib's.
        items: its arguments.
        total: number of items.
        title: title of the progress bar.
        unit: unit that the bar counts.

    Yields:
        The results in the order of the items.
    """
    items = iter(items)
    with (
        ThreadPoolExecutor() as pool,
        Bar(total=total, desc=title, unit=unit, disable=None, leave=False) as progress,
    ):
        while part := list(itertools.islice(items, _SLICE)):
            for result in pool.map(function, part):
                yield result
                progress.update()
