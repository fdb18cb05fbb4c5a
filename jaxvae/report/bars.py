"""A metric of every row as bars, the obtained value beside the published one."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from jaxvae.report.column import Column
from jaxvae.report.results import Row
from jaxvae.report.style import INK, SERIES_COLORS, WIDTH, canvas, dress, own_style, text_size


@own_style()
def bars(rows: Sequence[Row], column: Column) -> Figure:
    """Draws a metric of each row, with its deviation over seeds, above the published value.

    Args:
        rows: results; a missing or non-finite value leaves a gap.
        column: the metric.

    Returns:
        A figure 1000 pixels wide, rows from top to bottom.

    Raises:
        ValueError: there is no row, or none has the metric.
    """
    obtained = [row.metrics.get(column.key) for row in rows]
    measured = [
        (place, s["mean"], s["std"]) for place, s in enumerate(obtained) if s and s["mean"] is not None
    ]
    if not measured:
        raise ValueError(f"bars needs rows with a finite value of {column.key!r}, got none.")
    published = [
        (place, row.published[column.key]) for place, row in enumerate(rows) if column.key in row.published
    ]
    size = text_size(WIDTH)
    figure = canvas(WIDTH, (0.055 * len(rows) + 0.14) * WIDTH, constrained=True)
    axes = figure.add_subplot()
    thickness = 0.38 if published else 0.7
    axes.barh(
        [place - thickness / 2 if published else place for place, _, _ in measured],
        [mean for _, mean, _ in measured],
        thickness,
        xerr=[std or 0.0 for _, _, std in measured] if any(std for _, _, std in measured) else None,
        color=SERIES_COLORS[0],
        ecolor=INK,
        label="obtained",
    )
    if published:
        axes.barh(
            [place + thickness / 2 for place, _ in published],
            [value for _, value in published],
            thickness,
            color=SERIES_COLORS[4],
            label="published",
        )
        figure.legend(loc="outside upper center", ncols=2, fontsize=size, frameon=False)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    dress(axes, size=size, x_label=column.label)
    return figure
