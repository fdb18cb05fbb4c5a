"""The tables of `benchmarks.compiled` in a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.tables import grid

EXPLANATION = """\
One train step of all replicas, on one of the devices. FLOP as XLA counts them, a multiplication and an addition each
as one, zeros that pad left out; on a GPU those of matrix products and convolutions alone, as their kernels compute
them, since XLA counts nothing without one. MB: what operations read and write, also where a cache would spare the
memory. XLA counts the body of a loop once, and the steps are the body of one: what is done once for many steps is not
in these numbers. Memory: arguments (state, data set, order) + temporaries + results, of the device's. Kernels: on a
GPU launches, elsewhere operations of one program. Collectives: number, and what a device hands to them. XLA's
"optimal_seconds" is left out: it is no time, with a loop or a random number generator it is negative."""

_HEAD = (
    "model",
    "devices",
    "mode",
    "R",
    "batch",
    "precision",
    "GFLOP",
    "MB",
    "memory GB",
    "kernels",
    "collectives",
    "s",
)

_KEY = ("model", "platform", "topology", "devices", "mode", "replicas", "precision", "batch_size")

_COMPARED = {
    "GFLOP": ("flops", 1e9),
    "MB": ("bytes_accessed", 1e6),
    "temporary MB": ("temporary_bytes", 1e6),
    "kernels": ("kernels", 1),
    "compile s": ("compile_seconds", 1),
}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line for each program, and below the kinds of its kernels.

    Args:
        rows: of `benchmarks.programs.row`.

    Returns:
        Markdown.
    """
    lines = [
        (
            row["model"],
            str(row["devices"]),
            row["mode"],
            str(row["replicas"]),
            str(row["batch_size"]),
            row["precision"],
            f"{row['flops'] / 1e9:.2f}",
            f"{row['bytes_accessed'] / 1e6:.0f}",
            f"{used(row) / 1e9:.2f} of {row['memory_bytes'] / 1e9:.0f}",
            str(row["kernels"]),
            collectives(row),
            f"{row['compile_seconds']:.0f}",
        )
        for row in rows
    ]
    kinds = [
        f"{row['model']}, {row['devices']} {row['mode']}: "
        + ", ".join(f"{count} {kind}" for kind, count in row["kinds"].items())
        for row in rows
    ]
    return "\n".join([grid((_HEAD, *lines)), "", "Kernels by kind:", *kinds])


def used(row: Mapping[str, Any]) -> int:
    """Memory that a program takes.

    Args:
        row: of `benchmarks.programs.row`.

    Returns:
        Bytes of arguments, temporaries and results.
    """
    return row["argument_bytes"] + row["temporary_bytes"] + row["output_bytes"]


def collectives(row: Mapping[str, Any]) -> str:
    """Communication between devices.

    Args:
        row: of `benchmarks.programs.row`.

    Returns:
        Number, kind and bytes of each, or a dash.
    """
    found = row["collectives"]
    return (
        ", ".join(f"{of['count']} {kind} ({of['bytes'] / 1e3:,.0f} kB)" for kind, of in found.items()) or "-"
    )


def side_by_side(rows: Sequence[Mapping[str, Any]], commits: Sequence[str]) -> str:
    """The same program of two commits, with the ratio of the second one's numbers to the first one's.

    Args:
        rows: of `benchmarks.checkouts.compare`.
        commits: the first and the second.

    Returns:
        Markdown.
    """
    found = {(row["commit"], *(row[name] for name in _KEY)): row for row in rows}
    lines = []
    for row in rows:
        key = tuple(row[name] for name in _KEY)
        other = found.get((commits[1], *key))
        if row["commit"] != commits[0] or other is None:
            continue
        name = f"{row['model']}, {row['devices']} {row['mode']}, {row['precision']}"
        for label, (field, unit) in _COMPARED.items():
            before, after = row[field] / unit, other[field] / unit
            ratio = f"{after / before:.2f}" if before else "-"
            lines.append((name, label, f"{before:,.2f}", f"{after:,.2f}", ratio))
        lines.append((name, "collectives", collectives(row), collectives(other), "-"))
    return grid((("program", "", *commits, "ratio"), *lines))
