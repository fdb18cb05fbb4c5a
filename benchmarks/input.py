"""Time that training waits for its input, and memory, with the images on the device and streamed to it.

    python -m benchmarks.input

takes ten minutes on two CPU cores. The network of `experiments.winged_horses` trains on images of noise in a mapped
file, by the loop that experiments run, with records and checkpoints: in one process from the device's memory, in
another from a stream. The processes take turns, an epoch each. The first epoch, which compiles, counts for nothing.
"""

import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from benchmarks import files
from benchmarks.contestants import PRECISIONS, Contestant
from benchmarks.launch import launch
from benchmarks.measures import growth, spread
from benchmarks.networks import make_images
from benchmarks.processes import BenchmarkError, Process, ask
from benchmarks.tables import grid
from benchmarks.workloads import WORKLOADS

SOURCES = {"resident": False, "streamed": True}
"""Whether a source streams its images, by name."""

MODEL = "horses"
"""The workload."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    out: Path = Path("input.json")
    """JSON file with all numbers; written after every round from the fifth on."""

    images: int = 4096
    """Images in an epoch; 113000 are as many as STL-10 has."""

    epochs: int = 16
    """Epochs of each source, after the first."""

    batch_size: int = 64
    """Examples in a step."""

    precision: Literal["float32", "tensorfloat32", "bfloat16"] = "float32"
    """Of matrix products: tensorfloat32 is for GPUs."""

    device: Literal["cpu", "gpu", "tpu"] = "cpu"
    """Where to train."""

    threads: int = 2
    """CPU threads, including those that load images."""

    overwrite: bool = False
    """Replace the file that --out names."""

    def check(self) -> None:
        """Refuses flags that cannot be measured.

        Raises:
            ValueError: a number that is too small, or a precision that the device does not have.
        """
        if min(self.batch_size, self.threads) < 1 or self.epochs < 4:
            raise ValueError(
                "batch_size and threads must be >= 1 and epochs >= 4, got "
                f"{self.batch_size}, {self.threads} and {self.epochs}."
            )
        if self.images < self.batch_size:
            raise ValueError(f"images must fill a batch of {self.batch_size}, got {self.images}.")
        if self.precision not in PRECISIONS[self.device]:
            known = ", ".join(PRECISIONS[self.device])
            raise ValueError(f"precision on {self.device} must be one of {known}, got {self.precision!r}.")

    @property
    def contestant(self) -> Contestant:
        """The training that both processes run."""
        return Contestant(
            side="ours",
            model=MODEL,
            batch_size=self.batch_size,
            precision=self.precision,
            device=self.device,
            threads=self.threads,
        )


def row(source: str, first: dict[str, Any], epochs: list[dict[str, Any]]) -> dict[str, Any]:
    """The numbers of one source.

    Args:
        source: its name.
        first: answer of `benchmarks.loops` to the first epoch.
        epochs: its answers to the other epochs, at least four.

    Returns:
        As JSON can hold it. Memory is in bytes and None where the system does not say; growth is from epoch to
        epoch, with its standard error.
    """
    rates = [epoch["images"] / epoch["seconds"] for epoch in epochs]
    low, middle, high = spread(rates)
    seconds, waited = (sum(epoch[name] for epoch in epochs) for name in ("seconds", "waited"))
    held = [epoch["resident_bytes"] for epoch in (first, *epochs)]
    known = None if None in held else held[1:]
    return {
        "source": source,
        "images_per_second": middle,
        "images_per_second_quartiles": [low, high],
        "waiting_share": waited / seconds,
        "waiting_share_most": max(epoch["waited"] / epoch["seconds"] for epoch in epochs),
        "resident_bytes": held,
        "growth_bytes": known and growth(known),
        "growth_bytes_later": known and growth(known[len(epochs) // 2 - 1 :]),
        "epochs": [first, *epochs],
    }


def table(rows: list[dict[str, Any]]) -> str:
    """One line for each source.

    Args:
        rows: of `row`.

    Returns:
        A Markdown table.
    """
    lines: list[tuple[str, ...]] = [
        ("source", "images/s", "quartiles", "waiting", "most", "MB", "MB/epoch", "later MB/epoch")
    ]
    for each in rows:
        low, high = each["images_per_second_quartiles"]
        memory: tuple[str, ...] = ("-",) * 3
        if each["growth_bytes"]:
            slopes = (each["growth_bytes"], each["growth_bytes_later"])
            memory = (
                f"{each['resident_bytes'][-1] / 1e6:.0f}",
                *(f"{slope / 1e6:+.2f} ± {error / 1e6:.2f}" for slope, error in slopes),
            )
        lines.append(
            (
                each["source"],
                f"{each['images_per_second']:,.0f}",
                f"{low:,.0f}-{high:,.0f}",
                f"{100 * each['waiting_share']:.2f} %",
                f"{100 * each['waiting_share_most']:.2f} %",
                *memory,
            )
        )
    return grid(lines)


def start(config: Config, images: Path, source: str) -> Process:
    """Starts the process of one source.

    Args:
        config: the flags.
        images: NumPy file.
        source: its name.

    Returns:
        The process, which trains an epoch each time it is asked.
    """
    task = {"contestant": config.contestant.record(), "images": str(images), "streamed": SOURCES[source]}
    return Process(task, config.contestant.environment, "benchmarks.loops")


def main(config: Config) -> None:
    """Measures, prints and writes.

    Args:
        config: the flags.

    Raises:
        ValueError: the request cannot be met on this machine.
        BenchmarkError: a process died.
    """
    config.check()
    files.check(config.out, overwrite=config.overwrite)
    try:
        devices = ask({"describe": True}, config.device, config.threads)
    except BenchmarkError as error:
        raise ValueError(f"JAX finds no {config.device} here; choose another --device ({error}).") from None
    results = files.header(asdict(config) | {"out": str(config.out)}, devices)
    random = Random(0)
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in SOURCES}
    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory()), "images.npy")
        np.save(path, make_images(WORKLOADS[MODEL], examples=config.images))
        processes = {name: start(config, path, name) for name in SOURCES}
        for process in processes.values():
            stack.callback(process.close)
        for number in tqdm(range(config.epochs + 1), unit="round"):
            for name in random.sample(list(SOURCES), len(SOURCES)):
                answers[name].append(processes[name].ask({"epoch": number}))
            if number >= 4:
                results["rows"] = [row(name, first, rest) for name, (first, *rest) in answers.items()]
                files.write(config.out, results)
    print(f"\n{table(results['rows'])}")
    resident, streamed = (each["images_per_second"] for each in results["rows"])
    print(f"Streamed, an epoch takes {resident / streamed:.3f} times as long.")


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
