"""The benchmark's figure: a group of bars for each row with ours, PyTorch's best and the physical limit.

    python -m benchmarks.figure mnist.json horses.json throughput.png

redraws the files of `benchmarks.throughput`, with all rows in one figure.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxvae.report import style

_TALL = 130
_WIDTH = 0.36


def draw(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Draws bars with the quartiles of the rounds; times are relative to PyTorch's best where there is one.

    Args:
        path: PNG file.
        rows: of `benchmarks.records.row`, at least one.

    Returns:
        The path.
    """
    size = style.text_size(style.WIDTH)
    canvas = style.canvas(style.WIDTH, 230 + _TALL * len(rows), constrained=True)
    axes = canvas.add_subplot()
    for place, row in enumerate(rows):
        _group(axes, place, row, size)
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 2.0 * max(_longest(row) for row in rows))
    style.dress(axes, size=size, x_label=_unit(rows))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles, labels = axes.get_legend_handles_labels()
    known = dict(zip(labels, handles, strict=True))
    canvas.legend(
        known.values(), known.keys(), loc="outside upper center", ncols=3, frameon=False, fontsize=size
    )
    return style.save(path, canvas)


def _group(axes: Any, place: int, row: Mapping[str, Any], size: float) -> None:
    """Both bars of a row and its limit."""
    bars = [("jaxvae", row["ours_ms"], row["ours_quartiles_ms"], -1)]
    if row["torch_variant"]:
        bars.append(("PyTorch's best", row["torch_ms"][row["torch_variant"]], row["torch_quartiles_ms"], 1))
    for number, (name, ms, quartiles, side) in enumerate(bars):
        height, scale = place + side * _WIDTH / 2, _scale(row)
        spread = [[(ms - quartiles[0]) / scale], [(quartiles[1] - ms) / scale]]
        color = style.SERIES_COLORS[number]
        axes.barh(height, ms / scale, _WIDTH, color=color, label=name)
        axes.errorbar(ms / scale, height, xerr=spread, color=style.INK, capsize=3, linewidth=1)
        text = f"{ms:.3g} ms"
        if number == 0 and row["ratio"]:
            text += f", {row['ratio']:.2f} times as fast"
        axes.annotate(
            text,
            (quartiles[1] / scale, height),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=0.85 * size,
            color=style.INK,
        )
    limit = row["floor_ms"] / _scale(row)
    label = "limit of matrix products"
    axes.plot(
        [limit, limit], [place - _WIDTH, place + _WIDTH], color=style.INK, linestyle=":", lw=2, label=label
    )


def _scale(row: Mapping[str, Any]) -> float:
    return row["torch_ms"][row["torch_variant"]] if row["torch_variant"] else 1.0


def _longest(row: Mapping[str, Any]) -> float:
    return max(row["ours_ms"] / _scale(row), 1.0 if row["torch_variant"] else 0.0)


def _unit(rows: Sequence[Mapping[str, Any]]) -> str:
    relative = all(row["torch_variant"] for row in rows)
    return "Time of a train step, PyTorch's best = 1" if relative else "Time of a train step, ms"


def _label(row: Mapping[str, Any]) -> str:
    replicas = f"\n{row['replicas']} replicas" if row["replicas"] > 1 else ""
    return f"{row['model']}, batch {row['batch_size']}\n{row['precision']}, {row['device']}{replicas}"


def main(arguments: Sequence[str]) -> int:
    """Draws the rows of files.

    Args:
        arguments: one or more JSON files, and the PNG file.

    Returns:
        Exit status.
    """
    try:
        *sources, target = map(Path, arguments)
        rows = [row for source in sources for row in json.loads(source.read_text())["rows"]]
        if not rows:
            raise ValueError("there are no rows")
    except (ValueError, KeyError, OSError) as error:
        print(f"error: expected files of benchmarks.throughput and a PNG's name: {error}", file=sys.stderr)
        return 2
    draw(target, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
