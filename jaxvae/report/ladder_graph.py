"""The graphical model of a ladder: what is computed from what, and where a code is drawn."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from jaxvae.report.style import INK, SERIES_COLORS, WIDTH, canvas, own_style, text_size

_RADIUS = 0.33
_Place = tuple[int, int]


@own_style()
def ladder_graph(levels: int) -> Figure:
    """Draws encoder, codes and decoder of a variational ladder autoencoder.

    Args:
        levels: how many levels of codes, at least 1.

    Returns:
        A figure 1000 pixels wide: on the left the encoder from the image x up to h_L, in the middle the codes z_l,
        coloured because they are drawn, on the right the decoder from z~_L down to the reconstruction.

    Raises:
        ValueError: there is no level.
    """
    if levels < 1:
        raise ValueError(f"a ladder has at least 1 level, got {levels}.")
    numbers = range(1, levels + 1)
    nodes: dict[str, _Place] = {"$x$": (0, 0), r"$\hat{x}$": (4, 0)}
    nodes |= {f"$h_{n}$": (0, n) for n in numbers} | {f"$z_{n}$": (2, n) for n in numbers}
    nodes |= {rf"$\tilde{{z}}_{n}$": (4, n) for n in numbers}
    edges = [("$x$", "$h_1$"), (r"$\tilde{z}_1$", r"$\hat{x}$")]
    edges += [(f"$h_{n}$", f"$h_{n + 1}$") for n in numbers[:-1]]
    edges += [(rf"$\tilde{{z}}_{n + 1}$", rf"$\tilde{{z}}_{n}$") for n in numbers[:-1]]
    edges += [(f"$h_{n}$", f"$z_{n}$") for n in numbers]
    edges += [(f"$z_{n}$", rf"$\tilde{{z}}_{n}$") for n in numbers]

    figure = canvas(WIDTH, WIDTH * (levels + 1.2) / 5.2)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.6, 4.6), ylim=(-0.6, levels + 0.6))
    axes.set_axis_off()
    for start, end in edges:
        _arrow(axes, nodes[start], nodes[end])
    for label, place in nodes.items():
        face = SERIES_COLORS[4] if label.startswith("$z") else "white"
        axes.add_patch(Circle(place, _RADIUS, facecolor=face, edgecolor=INK, linewidth=1.2))
        axes.text(*place, label, ha="center", va="center", fontsize=1.4 * text_size(WIDTH), color=INK)
    return figure


def _arrow(axes: Axes, start: _Place, end: _Place) -> None:
    """From rim to rim; all arrows are along an axis."""
    (x, y), (right, up) = start, end
    length = abs(right - x) + abs(up - y)
    dx, dy = (right - x) / length * _RADIUS, (up - y) / length * _RADIUS
    axes.annotate(
        "",
        xy=(right - dx, up - dy),
        xytext=(x + dx, y + dy),
        arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0},
    )
