"""Train steps on 1 to 256 TPU v5e chips on paper: programs compiled for them, and the rates that Google states.

    python -m benchmarks.scale

compiles the ladder, the 96x96 VAE and the VAE-GAN for each number of chips, with the batch of one chip on each, and
divides operations, bytes and collectives of a step by the chip's rates. Nothing is run: the times are what the rates
allow at best. Needs the extra `aot`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what compilers say of the devices that they miss

from tqdm import tqdm

from benchmarks import files, programs, targets, trainings
from benchmarks.launch import launch
from benchmarks.processes import BenchmarkError
from benchmarks.tables import grid
from jaxvae import train

SLICES = {1: "2x2", 4: "2x2", 8: "2x4", 16: "4x4", 32: "4x8", 64: "8x8", 128: "8x16", 256: "16x16"}
"""Shape of the slice of so many chips; a single one is part of the smallest that a compiler takes."""

CASES = ("at best", "at worst")
"""All data in a chip's fast memory as far as the compiler puts it there, or all in its main memory."""

_RING = 16
"""Chips along a side from which on v5e's links go around."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    model: tuple[str, ...] = ("vlae_mnist", "winged_horses", "vaegan")
    """Experiments, as of benchmarks.compiled."""

    chips: tuple[int, ...] = (1, 4, 8, 64, 256)
    """Numbers of chips, the first of which must be 1."""

    latency: float = 1.0
    """Microseconds that a message takes from a chip to the next, for which Google states no number."""

    preset: str = "full"
    """Of the experiments' flags: "full", or "smoke" for small networks."""

    out: Path | None = None
    """JSON file with all rows."""

    overwrite: bool = False
    """Replace the file that --out names."""

    def check(self) -> None:
        """Refuses flags that describe no slices.

        Raises:
            ValueError: a number of chips that no slice has, or a negative latency.
        """
        known = ", ".join(map(str, SLICES))
        if not self.chips or self.chips[0] != 1 or not set(self.chips) <= set(SLICES):
            raise ValueError(
                f"chips must be 1 and then any of {known}, got {', '.join(map(str, self.chips))}."
            )
        if not self.model or self.latency < 0:
            raise ValueError("model needs at least one value, and latency must not be negative.")


def hops(slice_shape: str) -> int:
    """Messages one after the other in an all-reduce: along both sides of the slice, and back.

    Args:
        slice_shape: such as "4x8".

    Returns:
        Their number.
    """
    sides = [int(side) for side in slice_shape.split("x")]
    return 2 * sum(side // 2 if side >= _RING else side - 1 for side in sides)


def seconds(row: Mapping[str, Any], latency: float) -> dict[str, float]:
    """Times that the rates allow for a step.

    Args:
        row: of `benchmarks.programs.row`, for a v5e.
        latency: seconds from a chip to the next.

    Returns:
        "products"; "memory", for what is in main memory; "bytes", if all that operations read and write were there;
        "links" and "latency" of collectives, which nothing hides; and the step "at best", with all in fast memory
        that is there, and "at worst", with none.
    """
    chip, chips = targets.V5E, row["devices"]
    moved = sum(of["bytes"] * _travels(kind, chips) for kind, of in row["collectives"].items())
    number = sum(of["count"] for of in row["collectives"].values())
    found = {
        "products": row["flops"] / chip.flops,
        "memory": row["main_memory_bytes"] / chip.bandwidth,
        "bytes": row["bytes_accessed"] / chip.bandwidth,
        "links": moved / chip.link,
        "latency": number * hops(SLICES[chips]) * latency if chips > 1 else 0.0,
    }
    exchange = found["links"] + found["latency"]
    return found | {
        "at best": max(found["products"], found["memory"]) + exchange,
        "at worst": max(found["products"], found["bytes"]) + exchange,
    }


def _travels(kind: str, chips: int) -> float:
    """How often what a chip hands to a collective passes its links."""
    return {"all-reduce": 2 * (chips - 1) / chips, "all-gather": chips - 1}.get(kind, 1.0)


def pays_from(
    small: Mapping[str, Any], large: Mapping[str, Any], many: Mapping[str, Any], latency: float
) -> dict[str, float]:
    """The batch from which many chips take less time than one.

    On one chip, a step of B examples takes a + b B; on n, each with its share of them, a + b B / n and the collectives.

    Args:
        small: row of one chip.
        large: the same with a larger batch.
        many: row of n chips.
        latency: seconds from a chip to the next.

    Returns:
        Examples over all chips, where steps take the times "at best" and "at worst" of `seconds`.
    """
    first, second, times = (seconds(row, latency) for row in (small, large, many))
    more = large["batch_size"] - small["batch_size"]
    saved = {case: (second[case] - first[case]) / more * (1 - 1 / many["devices"]) for case in CASES}
    return {case: (times["links"] + times["latency"]) / saved[case] for case in CASES}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line for each model and number of chips.

    Args:
        rows: of `measure`.

    Returns:
        Markdown.
    """
    head: tuple[str, ...] = ("model", "chips", "batch", "GFLOP", "MB", "all-reduced kB", "collectives")
    head += ("products ms", "bytes ms", "links ms", "latency ms", "step ms", "images/s", "pays from batch")
    lines = []
    for row in rows:
        times, images = row["seconds"], row["batch_size"] * row["replicas"]
        lines.append(
            (
                row["model"],
                str(row["devices"]),
                f"{row['batch_size']:,}",
                f"{row['flops'] / 1e9:.2f}",
                f"{row['bytes_accessed'] / 1e6:,.0f}",
                f"{row['collectives'].get('all-reduce', {'bytes': 0})['bytes'] / 1e3:,.0f}",
                str(sum(of["count"] for of in row["collectives"].values())),
                f"{1e3 * times['products']:.2f}",
                f"{1e3 * times['memory']:.2f}-{1e3 * times['bytes']:.2f}",
                *(f"{1e3 * times[name]:.2f}" for name in ("links", "latency")),
                f"{1e3 * times['at best']:.2f}-{1e3 * times['at worst']:.2f}",
                f"{images / times['at worst']:,.0f}-{images / times['at best']:,.0f}",
                "{at worst:,.0f}-{at best:,.0f}".format(**row["pays_from"]) if row["pays_from"] else "-",
            )
        )
    return grid((head, *lines))


def measure(
    model: str, config: Config, found: Mapping[int, targets.Target], bar: tqdm
) -> Iterator[dict[str, Any]]:
    """Compiles a model for each number of chips.

    Args:
        model: name of the training.
        config: the flags.
        found: devices for each number of chips.
        bar: moves on by a program.

    Yields:
        Rows of `benchmarks.programs.row`, each with its "seconds" and the batch that it "pays_from"; without those that
        a chip's memory is too small for.
    """
    latency = 1e-6 * config.latency

    def compiled(chips: int, batch_size: int | None) -> programs.Row:
        target = found[chips]
        parallel = train.Parallel("jit", chips, target.devices)
        bar.set_postfix_str(f"{model}, {chips} chips")
        try:
            job = trainings.find(model, parallel, preset=config.preset, batch_size=batch_size)
            return programs.row(model, programs.build(job, target))
        finally:
            bar.update()

    one = compiled(1, None)
    size = one["batch_size"]
    four_times = compiled(1, 4 * size)
    for chips in config.chips:
        try:
            row = one if chips == 1 else compiled(chips, chips * size)
        except BenchmarkError as error:
            tqdm.write(f"left out: {error}")
            continue
        pays = None if chips == 1 else pays_from(one, four_times, row, latency)
        yield {**row, "seconds": seconds(row, latency), "pays_from": pays}


def main(config: Config) -> None:
    """Compiles, prints and writes.

    Args:
        config: the flags.

    Raises:
        ValueError: the request cannot be met.
    """
    config.check()
    if config.out:
        files.check(config.out, overwrite=config.overwrite)
    found = {chips: targets.find("tpu", f"v5e:{SLICES[chips]}") for chips in config.chips}
    rows: list[dict[str, Any]] = []
    with tqdm(total=len(config.model) * (len(config.chips) + 1), unit="program") as bar:
        for row in (row for model in config.model for row in measure(model, config, found, bar)):
            rows.append(row)
            if config.out:
                files.write(config.out, {"rows": rows})
    chip = targets.V5E
    print(table(rows))
    print(
        f"\nA chip's rates, of Google's page on the TPU v5e: {chip.flops / 1e12:.0f} TFLOP/s of bfloat16 products, "
        f"{chip.bandwidth / 1e9:.0f} GB/s from its memory,\n{8e-9 * chip.link:,.0f} Gbit/s over its links; and "
        f"{config.latency:g} us from a chip to the next, which is a guess."
    )


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
