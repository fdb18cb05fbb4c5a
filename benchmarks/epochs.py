"""Seconds of an epoch of MNIST, ours beside pythae's: the same VAE, each trained by its own library.

    python -m benchmarks.epochs

takes about eight minutes on two CPU cores, with `--images 6000` two. Contestants have processes of their own
and take turns in random order, an epoch each; the first epoch of each, which compiles and warms, is not counted. The
table has the median and range of the seconds of an epoch and the training loss of the last one, which shows that both
learn the same; the ratio is taken within rounds, with the faster of pythae's ways to load batches. Needs the extra
`bench` (PyTorch and pythae).
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax

from benchmarks import files
from benchmarks.epoch_sides import Side, check_installed, serve
from benchmarks.launch import launch
from benchmarks.tables import grid
from benchmarks.turns import ratio, started, take_turns

MNIST = 60_000
"""Training images of MNIST."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    out: Path = Path("epochs.json")
    """JSON file with all numbers."""

    batch_size: int = 100
    """Examples in a step, a divisor of the images."""

    images: int = MNIST
    """Training images in an epoch."""

    loader_workers: tuple[int, ...] = (0, 2)
    """Processes that load pythae's batches; each number is a contestant."""

    rounds: int = 3
    """Epochs of each that are counted."""

    overwrite: bool = False
    """Replace the file that --out names."""

    def __post_init__(self) -> None:
        """Refuses numbers that cannot be measured.

        Raises:
            ValueError: a count below 1, a part of a batch, or more images than there are.
        """
        if not self.loader_workers or min(self.batch_size, self.images, self.rounds) < 1:
            raise ValueError("images, batch size and rounds must be at least 1, and loader workers be given.")
        if min(self.loader_workers) < 0:
            raise ValueError(f"loader workers must be >= 0, got {min(self.loader_workers)}.")
        if self.images > MNIST or self.images % self.batch_size:
            raise ValueError(
                f"images must be at most {MNIST:,} and divisible by the batch size, got {self.images:,} and "
                f"{self.batch_size:,}."
            )


def main(config: Config) -> None:
    """Measures, prints and writes.

    Args:
        config: the flags.

    Raises:
        ValueError: PyTorch or pythae is missing, or the output file exists.
    """
    check_installed()
    files.check(config.out, overwrite=config.overwrite)
    jax.config.update("jax_platforms", "cpu")
    sizes = {"batch_size": config.batch_size, "images": config.images}
    theirs = [Side(library="pythae", loader_workers=n, **sizes) for n in config.loader_workers]
    sides = [Side(library="jaxvae", **sizes), *theirs]
    with started(serve, sides) as (contenders, _):
        turns = take_turns(contenders, rounds=config.rounds)
    seconds = [[seconds for seconds, _ in epochs] for epochs in turns]
    rows = [
        asdict(side) | {"seconds": times, "loss": epochs[-1][1]}
        for side, times, epochs in zip(sides, seconds, turns, strict=True)
    ]
    low, middle, high = ratio(seconds[:1], seconds[1:])
    results = files.header(asdict(config) | {"out": str(config.out)}, {})
    files.write(config.out, results | {"rows": rows, "ratio": [low, middle, high]})
    print(f"{files.machine(results)}\n\n{table(rows)}")
    print(f"An epoch of jaxvae is {middle:.1f} times as fast as pythae's ({low:.1f} to {high:.1f}).")


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
            str(row["loader_workers"]) if row["library"] == "pythae" else "-",
            f"{statistics.median(row['seconds']):.1f}",
            f"{min(row['seconds']):.1f}-{max(row['seconds']):.1f}",
            f"{row['loss']:.1f}",
        )
        for row in rows
    ]
    return grid((("library", "loader workers", "s an epoch", "range", "loss"), *lines))


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
