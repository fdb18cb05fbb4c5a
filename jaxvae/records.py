"""metrics.jsonl, the log of a run, and other files of one JSON object a line.

A line of metrics.jsonl is `{"variant", "seed", "epoch", "step", "split", metric: value, ...}`.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]
"""One line of metrics.jsonl."""

_HEAD = ("variant", "seed", "epoch", "step", "split")
_LARGEST = 2**63 - 1


def read_records(path: str | os.PathLike[str]) -> list[Record]:
    """Reads metrics.jsonl, even while the run is still writing it.

    Args:
        path: the file.

    Returns:
        One dict per line, in file order. A last line without a newline is still being written and is left out.

    Raises:
        ValueError: a complete line is not a record.
        OSError: the file cannot be read.
    """
    records, damaged = read_lines(path, is_record)
    if damaged:
        number, line = next(iter(damaged.items()))
        raise ValueError(
            f"{path} must hold one JSON object a line, with {', '.join(_HEAD)} and numbers, got {line[:60]!r} in line "
            f"{number}; remove that line, or continue the run with --resume, which leaves it out."
        )
    return records


def is_record(line: Record) -> bool:
    """Whether an object is a line of metrics.jsonl.

    Args:
        line: the object.

    Returns:
        Whether it says what was measured, and when, and all else are numbers.
    """
    variant, seed, epoch, step, split = map(line.get, _HEAD)
    values = [value for name, value in line.items() if name not in _HEAD]
    return (
        isinstance(variant, str)
        and isinstance(split, str)
        and all(map(is_whole, (seed, epoch, step)))
        and all(map(is_measured, values))
    )


def is_whole(value: Any) -> bool:
    """Whether a value from JSON is a whole number of at most 64 bits.

    Args:
        value: of any type.

    Returns:
        Whether it is one; true and false are none.
    """
    return type(value) is int and abs(value) <= _LARGEST


def is_measured(value: Any) -> bool:
    """Whether a value from JSON is what a measure gives.

    Args:
        value: of any type.

    Returns:
        Whether it is a number, or null where there is none.
    """
    return value is None or type(value) is float or is_whole(value)


def read_lines(
    path: str | os.PathLike[str], is_valid: Callable[[Record], bool]
) -> tuple[list[Record], dict[int, str]]:
    """Reads a file of one JSON object a line, whatever has become of it.

    Args:
        path: the file.
        is_valid: whether an object is such a line.

    Returns:
        The objects in file order, and the lines that are none by their number, from 1. A last line without a newline,
        which a killed run can leave, is left out.

    Raises:
        OSError: the file cannot be read.
    """
    *lines, _unfinished = Path(path).read_bytes().split(b"\n")
    objects, damaged = [], {}
    for number, line in enumerate(lines, start=1):
        value = parse(line)
        if isinstance(value, dict) and is_valid(value):
            objects.append(value)
        else:
            damaged[number] = line.decode(errors="replace")
    return objects, damaged


def parse(text: bytes) -> Any:
    """Reads JSON.

    Args:
        text: in UTF-8.

    Returns:
        What it says; None, as of `null`, if it is no JSON.
    """
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError):
        return None
