"""What a train step of every experiment costs on devices that may be absent, from its compiled program.

    python -m benchmarks.compiled --platform tpu --topology v5e:2x2 --devices 1 4
    python -m benchmarks.compiled --platform gpu --model vlae_mnist winged_horses
    python -m benchmarks.compiled --model vaegan --commit HEAD~1 HEAD

compiles the train program that each experiment would run there, with its own model, losses, optimizers, data size and
replicas, and counts operations, bytes, memory, kernels and collectives of one step on one of the devices. Nothing is
run: no number here is a measured time. Needs the extra `aot`.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any, Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what compilers say of the devices that they miss

from tqdm import tqdm

from benchmarks import checkouts, compiled_tables, files, programs, targets, trainings
from benchmarks.launch import launch
from jaxvae import train


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    platform: Literal["tpu", "gpu", "cpu"] = "tpu"
    """What to compile for: TPUs by libtpu, NVIDIA GPUs by JAX's CUDA plugin, or this machine's CPU."""

    topology: str | None = None
    """Name of the devices, such as v5e:2x2, h200:8 or host:4; v5e:2x2, h200:4 and host:4 if not given."""

    devices: tuple[int, ...] = (1,)
    """How many of them share a batch; each number is compiled for."""

    model: tuple[str, ...] = tuple(trainings.ENTRIES)
    """Experiments, each for its most typical program; or one of its programs, such as aae/aae_ring."""

    mode: tuple[Literal["jit", "pmap"], ...] = ("jit",)
    """How a batch is spread over devices, as --parallel of the experiments."""

    precision: tuple[Literal["float32", "bfloat16"], ...] = ("float32",)
    """As of the experiments."""

    batch_size: int | None = None
    """Examples in a step, over all devices; the experiment's if not given."""

    seeds: int | None = None
    """Seeds that are trained side by side; as many as the experiment's if not given."""

    accumulate: int | None = None
    """Parts of a batch that are computed one after the other, as of the experiments; all at once if not given."""

    remat: bool = False
    """Compute activations again in the backward pass, as of the experiments."""

    preset: str = "full"
    """Of the experiments' flags: "full", or "smoke" for small networks."""

    commit: tuple[str, ...] = ()
    """Two commits to compare; each is checked out into a folder of its own and compiled there."""

    out: Path | None = None
    """JSON file with all rows."""

    overwrite: bool = False
    """Replace the file that --out names."""

    def check(self) -> None:
        """Refuses flags that name nothing to compile.

        Raises:
            ValueError: an empty list, a count below 1, or another number of commits than two.
        """
        for name in ("devices", "model", "mode", "precision"):
            if not getattr(self, name):
                raise ValueError(f"{name} needs at least one value.")
        counts = (*self.devices, self.batch_size, self.seeds, self.accumulate)
        if (least := min(count for count in counts if count is not None)) < 1:
            raise ValueError(f"devices, batch_size, seeds and accumulate must be at least 1, got {least}.")
        if len(self.commit) not in (0, 2):
            raise ValueError(f"commit takes two commits to compare, got {len(self.commit)}.")


def jobs(config: Config, target: targets.Target) -> Iterator[tuple[str, trainings.Job]]:
    """All combinations that the flags ask for.

    Args:
        config: the flags.
        target: the devices.

    Yields:
        Name of the model, and its training.

    Raises:
        ValueError: more devices than there are, unknown models, or batches that devices cannot share evenly.
    """
    for model, precision, mode, devices in product(
        config.model, config.precision, config.mode, config.devices
    ):
        parallel = train.Parallel(mode, devices, target.devices)
        flags = {name: getattr(config, name) for name in ("batch_size", "seeds", "accumulate", "remat")}
        yield model, trainings.find(model, parallel, preset=config.preset, precision=precision, **flags)


def main(config: Config) -> None:
    """Compiles, prints and writes.

    Args:
        config: the flags.

    Raises:
        ValueError: the request cannot be met.
        BenchmarkError: a checkout of another commit failed.
    """
    config.check()
    if config.out:
        files.check(config.out, overwrite=config.overwrite)
    rows: list[Any] = []
    if config.commit:
        rows = checkouts.compare(config.commit, _arguments(config))
        print(compiled_tables.side_by_side(rows, config.commit))
    else:
        target = targets.find(config.platform, config.topology)
        todo = list(jobs(config, target))  # refuses before anything takes long
        for model, job in tqdm(todo, desc=f"compiling for {target.topology}", unit="program"):
            rows.append(programs.row(model, programs.build(job, target)))
            _write(config, rows)
        print(compiled_tables.table(rows))
    _write(config, rows)
    print(f"\n{compiled_tables.EXPLANATION}")


def _write(config: Config, rows: list[Any]) -> None:
    if config.out:
        files.write(config.out, {"rows": [_written(row) for row in rows]})


def _written(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what only the printed table compares."""
    printed = ("main_memory_bytes", "output_bytes", "memory_bytes")
    return {name: value for name, value in row.items() if name not in printed}


def _arguments(config: Config) -> list[str]:
    """The command line of another checkout, without what this process does itself."""
    words: list[str] = []
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name in ("commit", "out", "overwrite") or value is None or value is False:
            continue
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{field.name.replace('_', '-')}", *(str(each) for each in values if each is not True)]
    return words


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
