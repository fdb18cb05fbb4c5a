"""Figures of codes in the plane, in front of the prior that they should match."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.figure import Figure

from jaxvae.report.classes import add_legend, name_classes, scatter_classes
from jaxvae.report.style import INK, WIDTH, canvas, dress, own_style, text_size

_STEPS = 200
_DEPTHS = (-4.5, -2.0, -0.5)
"""Log densities of the contours, relative to the largest one."""


@dataclass(frozen=True, kw_only=True)
class CodePlane:
    """Codes of one model and its prior.

    Attributes:
        title: title of the panel.
        codes: [n, 2].
        log_prob: log density of the prior at points [m, 2].
        reach: the panel shows at least [-reach, reach] in both dimensions.
    """

    title: str
    codes: Float[np.ndarray, "n 2"]
    log_prob: Callable[[Float[np.ndarray, "m 2"]], Float[np.ndarray, " m"]]
    reach: float


@own_style()
def code_planes(
    panels: Sequence[CodePlane],
    labels: Integer[np.ndarray, " n"],
    *,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Scatters codes coloured by class, with contours of the prior's density.

    Panels are at least as wide as their reach, and wide enough for all but one code in a hundred.

    Args:
        panels: at least one.
        labels: [n], class numbers from 0; negative ones are drawn in grey.
        class_names: name of each class; its number if None.

    Returns:
        A figure 1000 pixels wide, two panels a row.

    Raises:
        ValueError: no panel, different numbers of codes and labels, or labels that `embedding` refuses.
    """
    if not panels or any(len(panel.codes) != len(labels) for panel in panels):
        counts = ", ".join(str(len(panel.codes)) for panel in panels) or "no panel"
        raise ValueError(f"code_planes needs panels of {len(labels)} codes, as many as labels, got {counts}.")
    names = name_classes(labels, class_names)
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    free = len(panels) < lines * columns
    figure = canvas(WIDTH, lines * WIDTH / columns + (0 if free else 0.16 * WIDTH), constrained=True)
    size = text_size(WIDTH)
    for position, panel in enumerate(panels, start=1):
        limit = max(panel.reach, float(np.quantile(np.abs(panel.codes), 0.995)))
        axes = figure.add_subplot(lines, columns, position)
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        scatter_classes(axes, panel.codes, labels, names, size=size)
        values = np.linspace(-limit, limit, _STEPS, dtype=np.float32)
        x, y = np.meshgrid(values, values)
        density = np.asarray(panel.log_prob(np.stack([x.ravel(), y.ravel()], axis=1))).reshape(x.shape)
        levels = [float(density.max()) + depth for depth in _DEPTHS]
        axes.contour(x, y, density, levels=levels, colors=[INK], linewidths=0.8, linestyles="dashed")
        dress(axes, size=size, title=panel.title, x_label="1st dimension", y_label="2nd dimension")
    add_legend(figure, names, cells=(lines, columns), used=len(panels), size=size)
    return figure
