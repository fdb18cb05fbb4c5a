"""Time of a train step against PyTorch.

Both sides train the same model on the same data, each by its fastest variant: PyTorch eager and compiled, in both
memory formats, fed from the device or by a DataLoader; both with the system's allocator as it is and keeping its
pages. Before anything is timed it is proven that they compute the same. Each contestant has a process of its own;
they take turns in random order. A screening finds the variants near the best, which are then started afresh several
times; the ratio is taken within rounds, its interval over starts. Needs the extra `bench` (PyTorch).

    python -m benchmarks.throughput --model ladder --batch-size 128 --out throughput.json

takes ten minutes on two CPU cores.
"""

import tempfile
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import figure, files, tables
from benchmarks.flags import Config, settings
from benchmarks.launch import launch
from benchmarks.networks import make_images
from benchmarks.processes import BenchmarkError, ask
from benchmarks.rows import Effort, measure
from benchmarks.workloads import WORKLOADS


def prepare(config: Config) -> dict[str, Any]:
    """Checks files and machine before anything takes long.

    Args:
        config: the flags.

    Returns:
        The results, with no rows yet.

    Raises:
        ValueError: flags that do not fit, PyTorch or the device is missing, or a file cannot be written.
    """
    config.check()
    files.check(config.out, overwrite=config.overwrite)
    if config.figure:
        files.check(config.figure, overwrite=config.overwrite)
    if find_spec("torch") is None:
        raise ValueError('the benchmark needs PyTorch; install it with: pip install -e ".[bench]"')
    try:
        devices = ask({"describe": True}, config.device, config.threads)
    except BenchmarkError as error:
        raise ValueError(
            f"JAX finds no {config.device} here; install its build for it, or choose another --device ({error})."
        ) from None
    if config.device == "gpu" and devices["torch_device"] is None:
        raise ValueError("PyTorch finds no gpu here; install its build for it, or choose another --device.")
    flags = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
    return files.header(flags, devices)


def main(config: Config) -> None:
    """Proves, measures, prints and writes.

    Args:
        config: the flags.

    Raises:
        ValueError: the request cannot be met on this machine.
        BenchmarkError: the two sides do not compute the same, or ours does not run.
    """
    results = prepare(config)
    proofs: dict[str, Any] = {}
    rates: dict[str, float] = {}
    todo = list(settings(config))
    with tqdm(total=len(todo), unit="setting") as bar, tempfile.TemporaryDirectory() as folder:
        effort = Effort(
            starts=config.starts, rounds=config.rounds, seconds=config.seconds, tell=bar.set_postfix_str
        )
        for number, base in enumerate(todo):
            bar.set_description(f"{base.model}, batch {base.batch_size}, {base.precision}")
            if base.model not in proofs:
                bar.set_postfix_str("proving that both sides compute the same")
                found = ask({"prove": base.model}, config.device, config.threads)
                proofs[base.model] = found
                bar.write(tables.proof(base.model, found))
                if not found["passed"]:
                    raise BenchmarkError(f"the two sides of {base.model} do not compute the same.")
                np.save(Path(folder, f"{base.model}.npy"), make_images(WORKLOADS[base.model]))
            rows = measure(
                base,
                config.seeds,
                Path(folder, f"{base.model}.npy"),
                Path(folder, str(number)),
                effort,
                proof=proofs[base.model],
                rates=rates,
            )
            results["rows"] += rows
            files.write(config.out, results)
            for row in rows:
                bar.write(f"\n{bar.desc}replicas {row['replicas']}\n{tables.details(row)}")
            bar.update()
    print(f"\n{files.machine(results)}\n\n{tables.summary(results['rows'])}")
    if config.figure:
        figure.draw(config.figure, results["rows"])


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
