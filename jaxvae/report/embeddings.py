"""Figures of latent codes, coloured by class."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from jaxvae.report.classes import add_legend, name_classes, scatter_classes
from jaxvae.report.style import INK, WIDTH, canvas, dress, own_style, text_size


@own_style()
def embedding(
    panels: Sequence[tuple[str, Float[np.ndarray, "_ _"]]],
    labels: Integer[np.ndarray, " n"],
    *,
    class_names: Sequence[str] | None = None,
    loc: float = 0.0,
    scale: float = 1.0,
) -> Figure:
    """Scatters latent codes, with the circles of radius 1 and 2 standard deviations of a N(loc, scale) prior.

    Codes of more than two dimensions are projected onto their two principal directions, with the prior's mean as the
    origin.

    Args:
        panels: title and codes [n, d] of each level, d >= 2.
        labels: [n], class numbers from 0; negative ones are drawn in grey and have no name.
        class_names: name of each class; its number if None.
        loc: mean of the prior in every dimension.
        scale: its standard deviation.

    Returns:
        A figure 1000 pixels wide, two panels a row.

    Raises:
        ValueError: there is no panel, a panel has fewer than two dimensions or not one point per label, a label has no
            name, or there are more classes than colours.
    """
    _check(panels, labels)
    names = name_classes(labels, class_names)
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
        span = (centre - limit, centre + limit)
        axes.set(xlim=span, ylim=span, aspect="equal")
        scatter_classes(axes, plane, labels, names, size=size)
        for radius in (scale, 2 * scale):
            axes.add_patch(
                Circle((centre, centre), radius, fill=False, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
            )
        dress(axes, size=size, title=panels[position][0], x_label=x_label, y_label=y_label)
    add_legend(figure, names, cells=(lines, columns), used=len(panels), size=size)
    return figure


def _check(panels: Sequence[tuple[str, np.ndarray]], labels: np.ndarray) -> None:
    if not panels:
        raise ValueError("embedding needs at least one (title, codes) pair, got none.")
    for title, points in panels:
        if len(points) != len(labels) or points.shape[1] < 2:
            raise ValueError(
                f"embedding needs codes [{len(labels)}, d >= 2], as many as labels, "
                f"got {points.shape} for {title!r}."
            )


def _plane(points: np.ndarray, loc: float) -> tuple[np.ndarray, float, str, str]:
    """Points in the plane of the figure, the prior's mean in either coordinate, and the axes' names."""
    if points.shape[1] == 2:
        return points, loc, "1st dimension", "2nd dimension"
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
