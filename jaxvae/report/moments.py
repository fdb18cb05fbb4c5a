"""Figures of an encoder's certainty: the mean and the variance of its posteriors, by class.

Posteriors are N(mean, stddev^2) with a diagonal covariance; a variance is in squared units of the code.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from jaxvae.report.classes import add_legend, name_classes, scatter_classes
from jaxvae.report.style import CLASS_COLORS, INK, WIDTH, canvas, dress, own_style, text_size

_DASHES = (0, (4, 3))
_MOST_NUMBERED = 6
"""Most dimensions for which the cells of a map have room for numbers."""


@own_style()
def moments(
    mean: Float[np.ndarray, "n d"],
    stddev: Float[np.ndarray, "n d"],
    labels: Integer[np.ndarray, " n"],
    *,
    class_names: Sequence[str] | None = None,
    loc: float = 0.0,
    scale: float = 1.0,
) -> Figure:
    """Draws the posteriors' means and variances by class, compared with a N(loc, scale) prior.

    In two dimensions the means are scattered in the plane, with circles of one and two standard deviations of the
    prior, and the variances on two logarithmic axes, with a large dot at the median of each class and dashed lines at
    the prior's variance. In any other number of dimensions two maps show, by class and dimension, the mean of the
    variance and the standard deviation of the mean; a last row is over all images. A dimension whose variance is the
    prior's and whose means do not vary carries no information.

    Args:
        mean: [n, d], posterior means.
        stddev: [n, d], posterior standard deviations, > 0.
        labels: [n], class numbers from 0; negative ones belong to no class.
        class_names: name of each class; its number if None.
        loc: mean of the prior in every dimension.
        scale: its standard deviation.

    Returns:
        A figure 1000 pixels wide, two panels side by side.

    Raises:
        ValueError: there are no posteriors, a standard deviation is not finite and > 0, a label has no name, or there
            are more classes than colours.

    References:
        Report "Generative Neural Networks", figure 12.
    """
    if not len(mean) or not (np.isfinite(stddev) & (stddev > 0)).all():
        raise ValueError(
            f"moments needs one or more posteriors with finite standard deviations > 0, got {len(mean)} "
            f"with standard deviations down to {stddev.min(initial=np.inf):g}."
        )
    names = name_classes(labels, class_names)
    variance = np.square(stddev, dtype=np.float64)
    if mean.shape[1] == 2:
        return _planes(mean, variance, labels, names, loc=loc, scale=scale)
    return _maps(mean, variance, labels, names, scale=scale)


def _planes(
    mean: np.ndarray,
    variance: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    *,
    loc: float,
    scale: float,
) -> Figure:
    figure = canvas(WIDTH, 0.63 * WIDTH, constrained=True)
    size = text_size(WIDTH)
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    limit = 1.05 * max(2 * scale, float(np.abs(mean - loc).max()))
    left.set(xlim=(loc - limit, loc + limit), ylim=(loc - limit, loc + limit), aspect="equal")
    scatter_classes(left, mean, labels, names, size=size)
    for radius in (scale, 2 * scale):
        left.add_patch(Circle((loc, loc), radius, fill=False, color=INK, linewidth=0.9, linestyle=_DASHES))
    # Without names, which would overlap: classes differ less in variance than in mean.
    scatter_classes(right, variance, labels, (), size=size)
    _mark_variances(right, variance, labels, prior=scale**2)
    titles = ("posterior means", "mean"), ("posterior variances", "variance")
    for axes, (title, moment) in zip((left, right), titles, strict=True):
        dress(axes, size=size, title=title, x_label=f"{moment} of $z[0]$", y_label=f"{moment} of $z[1]$")
    add_legend(figure, names, cells=(1, 2), used=2, size=size)
    return figure


def _mark_variances(axes: Axes, variance: np.ndarray, labels: np.ndarray, *, prior: float) -> None:
    """Makes both axes logarithmic with the same limits; marks the prior's variance and each class's median."""
    span = (variance.min() / 1.3, max(variance.max(), prior) * 1.3)
    axes.set(xscale="log", yscale="log", xlim=span, ylim=span, aspect="equal")
    for draw in (axes.axhline, axes.axvline):
        draw(prior, color=INK, linewidth=0.9, linestyle=_DASHES)
    for label, color in enumerate(CLASS_COLORS):
        if (members := labels == label).any():
            middle = np.median(variance[members], axis=0)
            axes.plot(*middle, "o", color=color, markersize=7, markeredgecolor="white")


def _maps(
    mean: np.ndarray, variance: np.ndarray, labels: np.ndarray, names: Sequence[str], *, scale: float
) -> Figure:
    masks = [*(labels == label for label in range(len(names))), np.ones(len(labels), bool)]
    # A class without images has no moments and an empty row.
    missing = np.full(mean.shape[1], np.nan)
    certainty = np.stack([variance[mask].mean(axis=0) if mask.any() else missing for mask in masks])
    spread = np.stack([mean[mask].std(axis=0) if mask.any() else missing for mask in masks])
    figure = canvas(WIDTH, (0.045 * len(masks) + 0.3) * WIDTH, constrained=True)
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    for axes, values, title, unused, largest in (
        (left, certainty, "posterior variance,\nmean over images", scale**2, scale**2),
        (right, spread, "posterior mean,\ndeviation over images", 0.0, scale),
    ):
        # Both maps are darker where a dimension carries more information.
        colors = "Blues_r" if unused else "Blues"
        image = axes.imshow(
            values,
            cmap=colors,
            vmin=0,
            vmax=max(largest, np.nanmax(values)),
            aspect="auto",
            interpolation="nearest",
        )
        dress(axes, size=text_size(WIDTH), title=title, x_label="latent dimension")
        _rule(axes, image, values)
        bar = figure.colorbar(image, ax=axes, location="bottom", aspect=30)
        dress(bar.ax, size=text_size(WIDTH), x_label=f"{unused:g} = unused")
    left.set_yticks(range(len(masks)), [*names, "all"])
    right.set_yticks([])
    return figure


def _rule(axes: Axes, image: AxesImage, values: np.ndarray) -> None:
    """Separates the last row, puts ticks at whole dimensions, and writes numbers into cells with room."""
    axes.axhline(len(values) - 1.5, color="white", linewidth=4)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.tick_params(length=0)
    if values.shape[1] > _MOST_NUMBERED:
        return
    style: Any = {"fontsize": 0.8 * text_size(WIDTH), "ha": "center", "va": "center"}
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            color = image.to_rgba(np.array([value]))[0]
            bright = np.dot(color[:3], (0.3, 0.59, 0.11)) > 0.5
            axes.text(column, row, f"{value:.2f}", color=INK if bright else "white", **style)
