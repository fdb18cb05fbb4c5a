"""Figures of metrics over the epochs of training."""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from textwrap import fill
from typing import Literal, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from jaxvae.records import Record
from jaxvae.report.column import Column
from jaxvae.report.style import INK, WIDTH, canvas, dress, own_style, series_style, text_size

_COORDINATES = {"variant", "seed", "epoch", "step", "split"}

_THREE_ABREAST = 13
"""Letters of a legend entry that fit into a third of its width."""

_LABEL = 22
"""Letters of an axis's name that fit beside its panel, in one line."""

_Series: TypeAlias = dict[float | int, dict[int, float]]
"""Epoch -> seed -> value."""


@own_style()
def curves(records: Sequence[Record], columns: Sequence[Column], *, log: Collection[str] = ()) -> Figure:
    """Draws metrics over epochs: a colour per variant, training thin and dashed, any other split bold.

    Args:
        records: lines of metrics.jsonl. Several values for one seed and epoch are averaged; None and
            values that are not finite leave a gap.
        columns: the metrics, one panel each.
        log: keys of metrics with a logarithmic axis, which omits values <= 0; linear if no value is positive.

    Returns:
        A figure 1000 pixels wide, two panels a row. With several seeds each line is their mean, in a band of one
        sample standard deviation to either side.

    Raises:
        ValueError: there are no columns, or no record has one of the metrics.
    """
    metrics = sorted({key for record in records for key in record} - _COORDINATES)
    unknown = sorted({column.key for column in columns} - set(metrics))
    if unknown or not columns:
        raise ValueError(
            f"the records have the metrics {', '.join(metrics)}; expected one or more of them, "
            f"got {', '.join(unknown) or 'none'}."
        )
    variants = list(dict.fromkeys(record["variant"] for record in records))
    splits = list(dict.fromkeys(record["split"] for record in records))
    handles = _handles(variants, splits)
    longest = max(len(str(handle.get_label())) for handle in handles)
    legend_columns = 2 if len(handles) <= 4 or longest > _THREE_ABREAST else 3
    legend_lines = -(-len(handles) // legend_columns)
    per_line = min(2, len(columns))
    lines = -(-len(columns) // per_line)
    height = lines * 0.8 * WIDTH / per_line + (legend_lines + 0.5) * 0.04 * WIDTH
    figure = canvas(WIDTH, height, constrained=True)
    size = text_size(WIDTH)
    for position, column in enumerate(columns, start=1):
        axes = figure.add_subplot(lines, per_line, position)
        for (variant, split), series in _series(records, column.key).items():
            _draw(axes, series, index=variants.index(variant), bold=split != "train")
        _scale(axes, logarithmic=column.key in log)
        dress(axes, size=size, x_label="epoch", y_label=fill(column.label, _LABEL))
    figure.legend(
        handles=handles, loc="outside upper center", ncols=legend_columns, fontsize=size, frameon=False
    )
    return figure


def _series(records: Sequence[Record], key: str) -> dict[tuple[str, str], _Series]:
    values: dict[tuple[str, str, int, int], list[float]] = defaultdict(list)
    for record in records:
        if key in record:
            value = math.nan if record[key] is None else float(record[key])
            values[record["variant"], record["split"], record["epoch"], record["seed"]].append(value)
    series: dict[tuple[str, str], _Series] = defaultdict(lambda: defaultdict(dict))
    for (variant, split, epoch, seed), repeated in values.items():
        series[variant, split][epoch][seed] = sum(repeated) / len(repeated)
    return series


def _draw(axes: Axes, series: _Series, *, index: int, bold: bool) -> None:
    color, marker = series_style(index)
    epochs = sorted(series)
    values = [np.array(list(series[epoch].values())) for epoch in epochs]
    mean = np.array([seeds.mean() for seeds in values])
    width, dashes = _stroke(bold=bold)
    # A line through a single point would be invisible.
    axes.plot(
        epochs,
        mean,
        color=color,
        marker=marker or ("o" if len(epochs) == 1 else ""),
        markersize=4,
        linewidth=width,
        linestyle=dashes,
    )
    if max(map(len, values)) > 1:
        std = np.array([seeds.std(ddof=1) if len(seeds) > 1 else 0.0 for seeds in values])
        axes.fill_between(epochs, mean - std, mean + std, color=color, alpha=0.2, linewidth=0)


def _scale(axes: Axes, *, logarithmic: bool) -> None:
    # Matplotlib warns, and shows nothing, when a logarithmic axis has no positive value.
    if logarithmic and any((np.asarray(line.get_ydata()) > 0).any() for line in axes.lines):
        axes.set_yscale("log")
    first, last = axes.get_xlim()
    if last - first < 1:
        axes.set_xlim(first - 0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    axes.grid(color="#DDDDDD", linewidth=0.6)


def _handles(variants: Sequence[str], splits: Sequence[str]) -> list[Line2D]:
    handles = []
    for index, variant in enumerate(variants):
        color, marker = series_style(index)
        handles.append(Line2D([], [], color=color, marker=marker, markersize=4, linewidth=1.8, label=variant))
    for split in splits:
        width, dashes = _stroke(bold=split != "train")
        handles.append(Line2D([], [], color=INK, linewidth=width, linestyle=dashes, label=split))
    return handles


def _stroke(*, bold: bool) -> tuple[float, Literal["-", "--"]]:
    return (1.8, "-") if bold else (1.0, "--")
