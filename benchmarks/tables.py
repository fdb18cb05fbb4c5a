"""The benchmark's tables in a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

BUSY = 0.1
"""Number of cores busy with other programs above which times are not to be trusted."""

_HEAD = (
    "model",
    "batch",
    "precision",
    "replicas",
    "ours ms",
    "PyTorch ms",
    "floor ms",
    "ratio",
    "95 %",
    "images/s",
    "ours allocator",
    "PyTorch allocator",
    "ours MB",
    "PyTorch MB",
    "MB ratio",
)


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line for each row: ours, PyTorch's best, the physical limit, and allocator and peak memory of both.

    "MB ratio" is PyTorch's memory divided by ours, as "ratio" is its time divided by ours.

    Args:
        rows: of `benchmarks.records.row`.

    Returns:
        A Markdown table.
    """
    lines = [
        (
            row["model"],
            str(row["batch_size"]),
            row["precision"],
            str(row["replicas"]),
            f"{row['ours_ms']:.2f}",
            f"{row['torch_ms'][row['torch_variant']]:.2f}" if row["torch_variant"] else "-",
            f"{row['floor_ms']:.2f}",
            f"{row['ratio']:.2f}" if row["torch_variant"] else "-",
            f"{row['ratio_low']:.2f}-{row['ratio_high']:.2f}" if row["torch_variant"] else "-",
            f"{row['images_per_second']:,.0f}",
            row["ours_allocator"],
            row["torch_allocator"] or "-",
            f"{row['ours_peak_bytes'] / 1e6:,.0f}",
            f"{row['torch_peak_bytes'] / 1e6:,.0f}" if row["torch_variant"] else "-",
            f"{row['memory_ratio']:.2f}" if row["torch_variant"] else "-",
        )
        for row in rows
    ]
    return grid((_HEAD, *lines))


def details(row: Mapping[str, Any]) -> str:
    """All variants of a row, and the proof that both sides do the same work.

    Args:
        row: of `benchmarks.records.row`.

    Returns:
        Markdown.
    """
    warm, cold = row["first_step_seconds"]["warm"], row["first_step_seconds"]["cold"]
    times = {f"ours: {name}": ms for name, ms in row["ours_variants_ms"].items()}
    times |= {f"PyTorch: {name}": ms for name, ms in row["torch_ms"].items()}
    chosen = (row["ours_variant"], row["torch_variant"])
    lines: list[tuple[str, ...]] = [
        ("variant", "final ms", "screening", "first step s, cold", "warm", "peak MB")
    ]
    for label, ms in times.items():
        name = label.split(": ", 1)[1]
        final = f"{ms:.2f}" if name in row["rounds_ms"] else "-"
        screened = f"{row['screening_ms'][name]:.2f}"
        seconds = [f"{known[name]:.1f}" if name in known else "-" for known in (cold, warm)]
        peak = f"{row['peak_bytes'][name] / 1e6:.0f}" if name in row["peak_bytes"] else "-"
        lines.append((f"{label} *" if name in chosen else label, final, screened, *seconds, peak))
    notes = [f"{name} did not run: {why}" for name, why in row["failed"].items()]
    if row["busy_cores"] > BUSY:
        notes.append(
            f"Other programs kept {row['busy_cores']:.1f} cores busy: measure again on a quiet machine."
        )
    return "\n".join([grid(lines), *notes])


def proof(model: str, found: Mapping[str, Any]) -> str:
    """The proof that both sides do the same work, in a sentence.

    Args:
        model: name of the workload.
        found: result of `benchmarks.proof.prove`.

    Returns:
        One line.
    """
    return (
        f"{model}: {found['parameters']:,} parameters in ours and {found['torch_parameters']:,} in PyTorch's twin; "
        f"relative difference of losses {found['loss_difference']:.1e}, of gradients "
        f"{found['gradient_difference']:.1e}, of the worst tensor {found['worst_tensor']:.1e} "
        f"(draw {found['draws']})"
    )


def grid(lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns.

    Args:
        lines: of equal length, the head first.

    Returns:
        The table.
    """
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    texts = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    return "\n".join([texts[0], rule, *texts[1:]])
