"""Shared parts of the figures that colour codes by class: names, points, and the legend."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from jaxvae.report.style import CLASS_COLORS, UNLABELLED_COLOR


def name_classes(labels: np.ndarray, class_names: Sequence[str] | None) -> list[str]:
    """The name of each class.

    Args:
        labels: [n], class numbers; negative ones have no name.
        class_names: names of the classes; their numbers if None.

    Raises:
        ValueError: a label has no name, or there are more classes than colours.
    """
    needed = int(labels.max(initial=-1)) + 1
    names = [str(number) for number in range(needed)] if class_names is None else list(class_names)
    if not needed <= len(names) <= len(CLASS_COLORS):
        raise ValueError(
            f"there are colours for {len(CLASS_COLORS)} classes, which need a name for each, "
            f"got {len(names)} names and labels up to {needed - 1}."
        )
    return names


def scatter_classes(
    axes: Axes, plane: np.ndarray, labels: np.ndarray, names: Sequence[str], *, size: float
) -> None:
    """Draws points coloured by class, and the names of classes that dominate the surroundings of their median.

    A name that would cover another one is left out.

    Args:
        axes: changed in place; with their limits, if names are written.
        plane: [n, 2].
        labels: [n], class numbers; negative ones are drawn in grey.
        names: names of the classes; empty to write none.
        size: font size in points.
    """
    colors = np.array([*CLASS_COLORS, UNLABELLED_COLOR])[np.maximum(labels, -1)]
    # Small sets get large dots; ten thousand still leave gaps between them.
    area = np.clip(6000 / len(plane), 0.6, 12)
    axes.scatter(plane[:, 0], plane[:, 1], s=area, c=colors, linewidths=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
    halo = [withStroke(linewidth=2.5, foreground="white")]
    written: list[tuple[tuple[float, float], str]] = []
    reach = float(np.ptp(axes.get_xlim()))
    for label, name in enumerate(names):
        place = _stronghold(plane, labels, label)
        if place is not None and all(_apart(place, name, *other, reach=reach) for other in written):
            written.append((place, name))
            axes.text(
                *place, name, fontsize=size, fontweight="bold", ha="center", va="center", path_effects=halo
            )


def add_legend(
    figure: Figure, names: Sequence[str], *, cells: tuple[int, int], used: int, size: float
) -> None:
    """Draws the legend of classes in the last cell if it is free, otherwise below the panels.

    Args:
        figure: changed in place.
        names: names of the classes.
        cells: rows and columns of panels.
        used: number of cells that hold a panel.
        size: font size in points.
    """
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


def _stronghold(plane: np.ndarray, labels: np.ndarray, label: int) -> tuple[float, float] | None:
    """Median of a class, if most points around it belong to the class; otherwise its name would mislead."""
    members = plane[labels == label]
    if not len(members):
        return None
    x, y = np.median(members, axis=0)
    nearest = np.argsort(np.hypot(plane[:, 0] - x, plane[:, 1] - y))[: max(20, len(plane) // 200)]
    return (float(x), float(y)) if np.mean(labels[nearest] == label) > 0.5 else None


def _apart(a: tuple[float, float], name_a: str, b: tuple[float, float], name_b: str, *, reach: float) -> bool:
    """Whether two names do not overlap, with letters of about 1 / 16 by 1 / 11 of the axes."""
    wide = 0.03 * reach * (len(name_a) + len(name_b))
    return abs(a[0] - b[0]) > wide or abs(a[1] - b[1]) > 0.09 * reach
