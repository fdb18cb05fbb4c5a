"""Measurements that survive an interruption."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from jaxvae import train
from jaxvae.files import write_atomically
from jaxvae.run import Run


def kept(
    workdir: train.Workdir,
    run: Run,
    measure: Callable[[Run], dict[str, float]],
    *,
    protocol: Mapping[str, Any],
) -> dict[str, float]:
    """Measures a model, or takes what was measured before in the same way from `measures.jsonl`.

    A run's report ends that file.

    Args:
        workdir: the run's directory.
        run: the model, known by its variant and seed.
        measure: gives values by name.
        protocol: how it measures, of what JSON can hold.

    Returns:
        Values by name.
    """
    path = workdir.measures
    lines = path.read_text().splitlines() if path.exists() else []
    own = {"variant": run.variant, "seed": run.seed, "protocol": dict(protocol)}
    for record in map(json.loads, lines):
        if own.items() <= record.items():
            return record["metrics"]
    metrics = measure(run)
    text = "".join(f"{line}\n" for line in [*lines, json.dumps(own | {"metrics": metrics})])
    write_atomically(path, text.encode())
    return metrics
