"""metrics.jsonl, the log of a run.

One JSON object per line: `{"variant", "seed", "epoch", "step", "split", metric: value, ...}`.
"""

import json
import os
from pathlib import Path
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]
"""One line of metrics.jsonl."""


def read_records(path: str | os.PathLike[str]) -> list[Record]:
    """Reads metrics.jsonl, even while the run is still writing it.

    Args:
        path: the file.

    Returns:
        One dict per line, in file order. A last line without a newline is still being written and is left out.

    Raises:
        ValueError: a complete line is not a JSON object.
    """
    *lines, _unfinished = Path(path).read_text(encoding="utf-8").split("\n")
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            raise ValueError(
                f"{path} must hold one JSON object a line, got {line[:60]!r} in line {number}; "
                "remove that line or run again with --overwrite."
            )
        records.append(record)
    return records
