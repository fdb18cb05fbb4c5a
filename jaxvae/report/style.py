"""The common style of all figures: one palette, a white background, text that is legible on a phone.

Sizes are in PNG pixels; a figure is about `WIDTH` of them wide. Text grows with the width of its figure: shown 360
pixels wide on a phone, letters are still 10 pixels high.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from jaxvae.files import write_atomically

DPI = 200
"""PNG pixels per inch of a Matplotlib figure."""

WIDTH = 1000
"""Usual width of a figure in PNG pixels."""

SERIES_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of variants, in order of first appearance: Okabe and Ito's, safe for the colour-blind."""

CLASS_COLORS = (
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "#555555",
)
"""Colours of ten classes: Paul Tol's "muted" scheme and a dark grey."""

UNLABELLED_COLOR = "#CCCCCC"
"""Colour of examples without a class."""

INK = "#222222"
"""Text and axis lines."""

_SERIES_MARKERS = ("", "o", "s", "^")


@contextmanager
def own_style() -> Iterator[None]:
    """Matplotlib as it comes, whatever the user's matplotlibrc says; for `with`, and as a decorator of what draws."""
    from matplotlib import style  # reads many files

    with style.context("default"):
        yield


def canvas(width: float | int, height: float | int, *, constrained: bool = False) -> Figure:
    """An empty white figure.

    Args:
        width: PNG pixels across.
        height: PNG pixels down.
        constrained: whether Matplotlib arranges axes and legends; otherwise they stay where they are placed.

    Returns:
        A figure that belongs to no global state.
    """
    # Matplotlib truncates to whole pixels; the millionth keeps 1006.9999999 from becoming 1006.
    size = ((width + 1e-6) / DPI, (height + 1e-6) / DPI)
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08) if constrained else None
    return Figure(figsize=size, dpi=DPI, facecolor="white", layout=layout)


def text_size(width: float | int) -> float:
    """Size of ordinary text.

    Args:
        width: PNG pixels across the figure.

    Returns:
        Font size in points.
    """
    return width / WIDTH * 10


def series_style(index: int) -> tuple[str, str]:
    """Style of a variant's lines.

    Args:
        index: position of the variant in order of first appearance.

    Returns:
        Colour and Matplotlib marker; markers distinguish variants that share a colour.
    """
    cycle, position = divmod(index, len(SERIES_COLORS))
    return SERIES_COLORS[position], _SERIES_MARKERS[cycle % len(_SERIES_MARKERS)]


def dress(axes: Axes, *, size: float, title: str = "", x_label: str = "", y_label: str = "") -> None:
    """Styles axes: title, labels, ticks and thin spines.

    Args:
        axes: changed in place.
        size: font size in points; ticks and gaps grow with it.
        title: text above the axes.
        x_label: text below the axes.
        y_label: text left of the axes.
    """
    axes.set_title(title, fontsize=size, pad=0.6 * size, color=INK)
    axes.set_xlabel(x_label, fontsize=size, labelpad=0.3 * size, color=INK)
    axes.set_ylabel(y_label, fontsize=size, labelpad=0.3 * size, color=INK)
    axes.tick_params(
        which="both", labelsize=0.9 * size, length=0.35 * size, pad=0.35 * size, color=INK, labelcolor=INK
    )
    axes.yaxis.get_offset_text().set_fontsize(0.9 * size)
    for spine in axes.spines.values():
        spine.set_color(INK)
        spine.set_linewidth(0.6)


@own_style()
def save(path: str | os.PathLike[str], figure: Figure | UInt8[np.ndarray, "h w 3"]) -> Path:
    """Writes a PNG.

    Args:
        path: file to write; missing folders are made.
        figure: a figure, written at its own resolution, or an image, written pixel by pixel.

    Returns:
        The path written.
    """
    buffer = io.BytesIO()
    # Without the version string, the same figure gives the same bytes on every machine.
    metadata: Any = {"Software": None}
    if isinstance(figure, Figure):
        figure.savefig(buffer, format="png", dpi="figure", metadata=metadata)
    else:
        matplotlib.image.imsave(buffer, figure, format="png", metadata=metadata)
    return write_atomically(path, buffer.getvalue())
