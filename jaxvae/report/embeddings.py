"""Figures of latent codes, coloured by class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from jaxvae.report.style import CLASS_COLORS, INK, UNLABELLED_COLOR, WIDTH, canvas, dress, text_size


def embedding(
    panels: Sequence[tuple[str, Float[np.ndarray, "_ _"]]],
    labels: Integer[np.ndarray, " n"],
    *,
    class_names: Sequence[str] | None = None,
    loc: float = 0.0,
    scale: float = 1.0,
) -> Figure:
    """Scatters latent codes, with the circles of radius 1 and 2 standard deviations of a N(loc, scale) prior.

    Codes of more than two dimensions are turned around the prior's mean to the two directions in which they vary
    most, and that mean becomes the origin.

    Args:
        panels: title and codes [n, d] of each level, d >= 2.
        labels: [n], class numbers from 0; negative ones are drawn in grey and have no name.
        class_names: name of each class; its number if None.
        loc: mean of the prior in every dimension.
        scale: its standard deviation.

    Returns:
        A figure 1000 pixels wide, two panels a line.

    Raises:
        ValueError: there is no panel, a panel has fewer than two dimensions or another number of points than
            there are labels, a label has no name, or there are more classes than colours.
    """
    _check(panels, labels)
    names = _names(labels, class_names)
    planes = [_plane(points, loc) for _, points in panels]
    spread = [float(np.abs(plane - centre).max(initial=0)) for plane, centre, _, _ in planes]
    limit = 1.05 * max(2 * scale, *spread)
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    legend_height = 0 if len(panels) < lines * columns else 0.16 * WIDTH
    figure = canvas(WIDTH, lines * WIDTH / columns + legend_height, constrained=True)
    size = text_size(WIDTH)
    for position, (plane, centre, x_label, y_label) in enumerate(planes):
        axes = figure.add_subplot(lines, columns, position + 1)
        _scatter(axes, plane, labels, names, size=size)
        for radius in (scale, 2 * scale):
            axes.add_patch(
                Circle((centre, centre), radius, fill=False, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
            )
        span = (centre - limit, centre + limit)
        axes.set(xlim=span, ylim=span, aspect="equal")
        dress(axes, size=size, title=panels[position][0], x_label=x_label, y_label=y_label)
    _add_legend(figure, names, cells=(lines, columns), used=len(panels), size=size)
    return figure


def _add_legend(
    figure: Figure, names: Sequence[str], *, cells: tuple[int, int], used: int, size: float
) -> None:
    """Names the colours in the last cell if no panel takes it, otherwise below."""
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=0.6 * size, color=color, label=name)
        for name, color in zip(names, CLASS_COLORS, strict=False)
    ]
    style: Any = {"fontsize": size, "frameon": False, "handletextpad": 0.2, "columnspacing": 1.0}
    lines, columns = cells
    if used < lines * columns:
        axes = figure.add_subplot(lines, columns, lines * columns)
        axes.set_axis_off()
        axes.legend(handles=handles, loc="center", ncols=2, **style)
    else:
        short = max(map(len, names), default=0) <= 6
        figure.legend(handles=handles, loc="outside lower center", ncols=5 if short else 4, **style)


def _check(panels: Sequence[tuple[str, np.ndarray]], labels: np.ndarray) -> None:
    if not panels:
        raise ValueError("embedding needs at least one (title, codes) pair, got none.")
    for title, points in panels:
        if len(points) != len(labels) or points.shape[1] < 2:
            raise ValueError(
                f"embedding needs codes [{len(labels)}, d >= 2], as many as labels, "
                f"got {points.shape} for {title!r}."
            )


def _names(labels: np.ndarray, class_names: Sequence[str] | None) -> list[str]:
    needed = int(labels.max(initial=-1)) + 1
    names = [str(number) for number in range(needed)] if class_names is None else list(class_names)
    if not needed <= len(names) <= len(CLASS_COLORS):
        raise ValueError(
            f"embedding has colours for {len(CLASS_COLORS)} classes and needs a name for each, "
            f"got {len(names)} names and labels up to {needed - 1}."
        )
    return names


def _plane(points: np.ndarray, loc: float) -> tuple[np.ndarray, float, str, str]:
    """Points in the plane that is shown, where the prior's mean lies in it, and the axes' names."""
    if points.shape[1] == 2:
        return points, loc, "$z[0]$", "$z[1]$"
    points = points - np.float32(loc)
    centered = points.astype(np.float64) - points.mean(axis=0)
    variances, directions = np.linalg.eigh(centered.T @ centered / len(points))
    first_two = directions[:, :-3:-1]
    # An eigenvector's sign is arbitrary; its largest entry is made positive, so that runs look alike.
    first_two = first_two * np.sign(first_two[np.abs(first_two).argmax(0), [0, 1]])
    shares = variances[:-3:-1] / max(variances.sum(), np.finfo(np.float64).tiny)
    x_label, y_label = (
        f"{order} principal direction\n({share:.0%} of variance)"
        for order, share in zip(("1st", "2nd"), shares, strict=True)
    )
    return points @ first_two, 0.0, x_label, y_label


def _scatter(axes: Axes, plane: np.ndarray, labels: np.ndarray, names: Sequence[str], *, size: float) -> None:
    colors = np.array([*CLASS_COLORS, UNLABELLED_COLOR])[np.maximum(labels, -1)]
    # Small sets get large dots; ten thousand still leave gaps between them.
    area = np.clip(6000 / len(plane), 0.6, 12)
    axes.scatter(plane[:, 0], plane[:, 1], s=area, c=colors, linewidths=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for label, name in enumerate(names):
        place = _stronghold(plane, labels, label)
        if place is not None:
            axes.text(
                *place, name, fontsize=size, fontweight="bold", ha="center", va="center", path_effects=halo
            )


def _stronghold(plane: np.ndarray, labels: np.ndarray, label: int) -> tuple[float, float] | None:
    """Median of a class, if it holds most of the points around there; elsewhere its name would mislead."""
    own = plane[labels == label]
    if not len(own):
        return None
    x, y = np.median(own, axis=0)
    nearest = np.argsort(np.hypot(plane[:, 0] - x, plane[:, 1] - y))[: max(20, len(plane) // 200)]
    return (float(x), float(y)) if np.mean(labels[nearest] == label) > 0.5 else None
