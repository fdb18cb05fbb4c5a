"""A figure of several quantities against one, as lines."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from jaxvae.report.style import WIDTH, canvas, dress, own_style, series_style, text_size


@own_style()
def lines(
    series: Mapping[str, Sequence[float | int]], x: Sequence[float | int], *, x_label: str, y_label: str
) -> Figure:
    """Draws a line for each quantity, from 0 upwards.

    Args:
        series: values at each place, by name.
        x: places, in growing order.
        x_label: name of the places.
        y_label: name of what all quantities measure.

    Returns:
        A figure 1000 pixels wide.

    Raises:
        ValueError: no quantity, or one without a value at each place.
    """
    if not series or any(len(values) != len(x) for values in series.values()):
        got = ", ".join(f"{len(values)} of {name!r}" for name, values in series.items()) or "none"
        raise ValueError(f"lines needs a value at each of {len(x)} places, got {got}.")
    figure = canvas(WIDTH, 0.5 * WIDTH, constrained=True)
    axes, size = figure.add_subplot(), text_size(WIDTH)
    for index, (name, values) in enumerate(series.items()):
        color, marker = series_style(index)
        axes.plot(x, values, label=name, color=color, marker=marker or "o", markersize=5, linewidth=1.8)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    dress(axes, size=size, x_label=x_label, y_label=y_label)
    figure.legend(loc="outside upper center", ncols=min(3, len(series)), fontsize=size, frameon=False)
    return figure
