"""Figures of image galleries: comparisons of variants, traversals of a latent plane.

Images are as in `images` and stay crisp: their pixels are squares of whole PNG pixels in a figure too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxvae.images import Images
from jaxvae.report.images import image_grid
from jaxvae.report.style import INK, WIDTH, canvas, dress, own_style, text_size

Group: TypeAlias = tuple[str, Images]
"""A label and any number of images."""

ImagePlane: TypeAlias = UInt8[np.ndarray, "k k h w c"] | Float[np.ndarray, "k k h w c"]
"""Images on a square lattice, uint8 or floating point in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Traversal:
    """Images decoded on a square lattice of a latent plane.

    Attributes:
        title: what is traversed, such as "level 1 (bottom)".
        grid: `grid[i, j]` is decoded at x = values[j], y = values[i]; y grows upwards in the figure.
        x_label: name of the coordinate that j counts, such as "$z_1[0]$".
        y_label: name of the coordinate that i counts.
    """

    title: str
    grid: ImagePlane
    x_label: str
    y_label: str


@own_style()
def comparison(rows: Sequence[Group], *, columns: int | None = None) -> Figure:
    """Stacks labelled groups of images, so that the same column shows the same example.

    Args:
        rows: label and images [n, h, w, c] of each group, top to bottom.
        columns: images per line; groups with more are wrapped. All in one line if None.

    Returns:
        A figure at least 1000 pixels wide with each label above its group.

    Raises:
        ValueError: there is no group, or `image_grid` refuses one.
    """
    if not rows:
        raise ValueError("comparison needs at least one (label, images) pair, got none.")
    columns = columns or max(len(images) for _, images in rows)
    sheets = [(label, image_grid(images, columns=columns)) for label, images in rows]
    scale = scale_to(WIDTH, max(sheet.shape[1] for _, sheet in sheets))
    width = scale * max(sheet.shape[1] for _, sheet in sheets)
    band = round(0.055 * width)
    height = sum(scale * len(sheet) + band for _, sheet in sheets)
    figure = canvas(width, height)
    top = 0
    for label, sheet in sheets:
        figure.text(
            0, 1 - (top + 0.7 * band) / height, label, fontsize=text_size(width), color=INK, va="baseline"
        )
        top += band
        place(figure, sheet, left=0, top=top, scale=scale).set_axis_off()
        top += scale * len(sheet)
    return figure


@own_style()
def traversal(panels: Sequence[Traversal], *, values: Float[np.ndarray, " k"]) -> Figure:
    """Draws latent planes side by side: how images change along two coordinates.

    Args:
        panels: one per level; all of the same shape [k, k, h, w, c].
        values: [k], coordinates of the lattice along either axis, increasing.

    Returns:
        A figure at least 1000 pixels wide, two panels a line; ticks mark the first, middle and last value.

    Raises:
        ValueError: there is no panel, or panels or values differ in size.
    """
    shapes = {panel.grid.shape for panel in panels}
    if len(shapes) != 1 or next(iter(shapes))[:2] != (len(values), len(values)):
        raise ValueError(
            f"traversal needs panels of one shape [k, k, h, w, c] with k = {len(values)}, "
            f"got {sorted(shapes)}."
        )
    sheets = [
        image_grid(panel.grid[::-1].reshape(-1, *panel.grid.shape[2:]), columns=len(values), padding=0)
        for panel in panels
    ]
    side_y, side_x = sheets[0].shape[:2]
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    names = _names(values)
    left, right, above, below = 0.07 + 0.02 * max(map(len, names.values())), 0.02, 0.06, 0.105
    free = 1 - columns * (left + right)
    scale = scale_to(free * WIDTH / columns, side_x)
    width = round(columns * scale * side_x / free)
    panel_width = scale * side_x + (left + right) * width
    panel_height = scale * side_y + (above + below) * width
    figure = canvas(width, round(lines * panel_height))
    for index, (panel, sheet) in enumerate(zip(panels, sheets, strict=True)):
        line, column = divmod(index, columns)
        axes = place(
            figure,
            sheet,
            left=round(column * panel_width + left * width),
            top=round(line * panel_height + above * width),
            scale=scale,
        )
        _mark(axes, names, count=len(values), height=side_y, width=side_x)
        dress(axes, size=text_size(width), title=panel.title, x_label=panel.x_label, y_label=panel.y_label)
    return figure


def scale_to(width: float | int, pixels: int) -> int:
    """PNG pixels per image pixel, so that `pixels` of them are at least `width` wide."""
    return math.ceil(width / pixels)


def place(figure: Figure, sheet: np.ndarray, *, left: int, top: int, scale: int) -> Axes:
    """Draws pixels as squares of PNG pixels; `left` and `top` are measured from the figure's upper left corner."""
    width, height = figure.get_size_inches() * figure.dpi
    h, w = scale * sheet.shape[0], scale * sheet.shape[1]
    axes = figure.add_axes((left / width, 1 - (top + h) / height, w / width, h / height))
    axes.imshow(sheet, interpolation="nearest", aspect="auto")
    return axes


def _names(values: np.ndarray) -> dict[int, str]:
    """Labels of the first, the middle and the last value, by position."""
    places = (0, (len(values) - 1) // 2, len(values) - 1)
    return {place: f"{values[place]:.3g}".replace("-", "\N{MINUS SIGN}") for place in places}


def _mark(axes: Axes, names: Mapping[int, str], *, count: int, height: int, width: int) -> None:
    fractions = (np.array(list(names)) + 0.5) / count
    axes.set_xticks(fractions * width - 0.5, list(names.values()))
    axes.set_yticks((1 - fractions) * height - 0.5, list(names.values()))
