"""results.json: the results of a run beside the published ones.

A metric of a row is `{"mean", "std", "n"}` over n seeds, in the unit of its column in the report. A value that is not
finite is null, so that every parser accepts the file as JSON.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, SupportsFloat, TypedDict

import numpy as np

from jaxvae.files import write_atomically


class Summary(TypedDict):
    """A metric over seeds.

    Attributes:
        mean: arithmetic mean; None if a seed's value is not finite.
        std: sample standard deviation (divided by n - 1); None if a value is not finite or there is only one seed.
        n: number of seeds.
    """

    mean: float | None
    std: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a results table; `Row(**row)` reads back a row of results.json.

    Attributes:
        name: name of the row, such as a variant.
        metrics: metric name -> summary over seeds.
        published: metric name -> value stated by the reproduced work, if it states one.
        note: what a reader has to know to compare the two; also says why metrics are missing.
    """

    name: str
    metrics: Mapping[str, Summary]
    published: Mapping[str, float | int] = field(default_factory=dict)
    note: str = ""


def summarize(values: Sequence[Mapping[str, SupportsFloat]]) -> dict[str, Summary]:
    """Mean and sample standard deviation of every metric over seeds.

    Args:
        values: one `{metric: value}` per seed, all with the same metrics.

    Returns:
        Metric name -> summary, in the order of the first seed.

    Raises:
        ValueError: there are no seeds, or they have different metrics.
    """
    if not values:
        raise ValueError("summarize needs the metrics of at least one seed, got none.")
    for seed, metrics in enumerate(values):
        if differing := sorted(set(metrics) ^ set(values[0])):
            raise ValueError(
                f"seeds must have the same metrics, but 0 and {seed} differ in {', '.join(differing)}."
            )
    return {name: _summary([float(metrics[name]) for metrics in values]) for name in values[0]}


def write_results(
    path: str | os.PathLike[str],
    *,
    experiment: str,
    command: str,
    wall_seconds: float | int,
    training_seconds: float | int,
    rows: Sequence[Row],
    summary: Mapping[str, SupportsFloat | str] | None = None,
) -> Path:
    """Writes results.json atomically.

    Args:
        path: file to write.
        experiment: name of the experiment's module.
        command: the command line that repeats the run.
        wall_seconds: duration of the run in seconds, compilation and report included.
        training_seconds: how much of it went by in training, compilation and evaluation after each epoch included.
        rows: the results; means, deviations and published values must be finite or None.
        summary: values about all rows together, by name; a number that is not finite becomes null.

    Returns:
        The path written.

    Raises:
        ValueError: a value is not finite; `summarize` returns None for such values.
    """
    content: dict[str, Any] = {
        "experiment": experiment,
        "command": command,
        "wall_seconds": float(wall_seconds),
        "training_seconds": float(training_seconds),
        "rows": [
            {
                "name": row.name,
                "metrics": dict(row.metrics),
                "published": dict(row.published),
                "note": row.note,
            }
            for row in rows
        ],
    }
    if summary:
        content["summary"] = {name: _plain(value) for name, value in summary.items()}
    try:
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    except ValueError as error:
        raise ValueError(
            "results must be finite or None, got a NaN or an infinity; build the metrics with summarize."
        ) from error
    return write_atomically(path, (text + "\n").encode())


def _plain(value: SupportsFloat | str) -> float | int | str | None:
    if isinstance(value, str | int):
        return value
    return float(value) if math.isfinite(float(value)) else None


def _summary(values: list[float]) -> Summary:
    n = len(values)
    if not all(map(math.isfinite, values)):
        return Summary(mean=None, std=None, n=n)
    std = float(np.std(values, ddof=1)) if n > 1 else None
    return Summary(mean=float(np.mean(values)), std=std, n=n)
