"""Slow work on many small things, spread over threads."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

_SLICE = 1_024

T = TypeVar("T")
S = TypeVar("S")


def in_parallel(
    function: Callable[[S], T], items: Iterable[S], *, total: int, title: str, unit: str = " images"
) -> Iterator[T]:
    """Maps in threads, in order, with a progress bar, and with a bounded number of results waiting.

    Args:
        function: releases the interpreter's lock for most of its time, as Pillow and hashlib do.
        items: its arguments.
        total: how many.
        title: of the progress bar.
        unit: what is counted.

    Yields:
        The results in the order of the items.
    """
    items = iter(items)
    with (
        ThreadPoolExecutor() as pool,
        tqdm(total=total, desc=title, unit=unit, disable=None, leave=False) as progress,
    ):
        while part := list(itertools.islice(items, _SLICE)):
            for result in pool.map(function, part):
                yield result
                progress.update()
