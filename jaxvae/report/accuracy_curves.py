"""A figure of accuracies against a share, such as that of the training data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxvae.report.style import INK, WIDTH, canvas, dress, own_style, series_style, text_size

_TICKS = (
    *(0.0, 0.5, 0.7, 0.8, 0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.985),
    *(0.99, 0.993, 0.995, 0.997, 0.998, 0.999, 0.9995, 0.9999),
)
"""Accuracies at which an axis may have a tick."""

_HIGHEST = _TICKS[-1]

_LONG = 24
"""Longest name, in characters, of which two fit side by side."""

_APART = 0.08
"""Offset between neighbouring series in steps of the axis, so that their error bars do not overlap."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Accuracies of one method.

    Attributes:
        name: name of the method.
        x: shares in [0, 1].
        mean: accuracy at each share, in [0, 1]; None or NaN leaves a gap.
        std: its standard deviation over seeds; None or NaN for a single seed.
    """

    name: str
    x: Sequence[float | int]
    mean: Sequence[float | int | None]
    std: Sequence[float | int | None]

    def __post_init__(self) -> None:
        if not len(self.x) == len(self.mean) == len(self.std):
            raise ValueError(
                f"{self.name!r} needs a mean and a deviation for each share, got {len(self.x)} shares, "
                f"{len(self.mean)} means and {len(self.std)} deviations."
            )
        _check(self.name, self.x, self.mean)


@own_style()
def accuracy_curves(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    published: Mapping[float | int, float | int] | None = None,
) -> Figure:
    """Draws accuracies with their standard deviation over seeds against a share, with the published values on top.

    The vertical axis is logarithmic in the error, 1 - accuracy: 90 % to 99 % is as far as 99 % to 99.9 %, so that
    differences between high accuracies remain visible beside a low one. Accuracies above 99.99 % are drawn at 99.99 %.
    The shares are equally spaced.

    Args:
        series: one line each, side by side at each share.
        x_label: name of the share.
        y_label: name of the accuracy.
        published: share -> accuracy in [0, 1].

    Returns:
        A figure 1000 pixels wide.

    Raises:
        ValueError: no series has an accuracy, or a published value is outside [0, 1].
    """
    published = published or {}
    _check("published", list(published), list(published.values()))
    if not np.isfinite(np.array([value for one in series for value in one.mean], float)).any():
        raise ValueError("accuracy_curves needs a series with an accuracy, got none.")
    places = {
        share: place for place, share in enumerate(sorted({*published, *(x for s in series for x in s.x)}))
    }
    figure = canvas(WIDTH, 0.8 * WIDTH, constrained=True)
    axes = figure.add_subplot()
    # Must come first, because it resets the axis.
    axes.set_yscale("function", functions=(_stretch, _shrink))
    values = list(published.values())
    for index, one in enumerate(series):
        aside = _APART * (index - (len(series) - 1) / 2)
        values += _draw(axes, one, [places[share] + aside for share in one.x], index=index)
    handles: list[Any] = list(axes.containers)
    if published:
        diamonds: Any = {"marker": "D", "markersize": 8, "markerfacecolor": "none", "markeredgecolor": INK}
        at = [places[share] for share in published]
        handles += axes.plot(at, list(published.values()), linestyle="", label="published", **diamonds)
    _rule(axes, np.array(values))
    axes.set_xticks(range(len(places)), [percent(share) for share in places])
    axes.set_xlim(-0.4, len(places) - 0.6)
    size = text_size(WIDTH)
    dress(axes, size=size, x_label=x_label, y_label=f"{y_label}\n(logarithmic in the error)")
    longest = max(len(one.name) for one in series)
    columns = 2 if longest <= _LONG else 1
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, fontsize=size, frameon=False)
    return figure


def _draw(axes: Axes, series: Series, places: Sequence[float], *, index: int) -> list[float]:
    """Draws a series and returns the ends of its error bars."""
    mean, std = np.array(series.mean, float), np.array(series.std, float)
    color, marker = series_style(index)
    style: Any = {"color": color, "marker": marker or "o", "markersize": 5, "linewidth": 1.8, "capsize": 3}
    axes.errorbar(places, mean, std, label=series.name, **style)
    return [*(mean - np.nan_to_num(std)), *(mean + np.nan_to_num(std))]


def _check(name: str, shares: Sequence[float | int], accuracies: Sequence[float | int | None]) -> None:
    values = np.array([*shares, *accuracies], float)
    if ((values < 0) | (values > 1)).any():
        raise ValueError(
            f"{name!r} needs shares and accuracies in [0, 1], "
            f"got {np.nanmin(values):g} to {np.nanmax(values):g}."
        )


def _rule(axes: Axes, values: np.ndarray) -> None:
    """Shows all values between two ticks, and lines at the ticks that have room."""
    values = values[np.isfinite(values)].clip(0, _HIGHEST)
    first = max((tick for tick in _TICKS if tick < values.min()), default=0.0)
    last = min((tick for tick in _TICKS if tick > values.max()), default=_HIGHEST)
    height = dict(zip(_TICKS, _stretch(np.array(_TICKS)), strict=True))
    room = (height[last] - height[first]) / 16
    ticks = [last]
    for tick in reversed(_TICKS):
        if first <= tick and height[ticks[-1]] - height[tick] > room:
            ticks.append(tick)
    ticks.reverse()
    axes.set_yticks(ticks, [percent(tick) for tick in ticks])
    axes.set_ylim(first, last)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)


def _stretch(accuracy: np.ndarray) -> np.ndarray:
    return -np.log10(np.maximum(1 - accuracy, 1 - _HIGHEST))


def _shrink(height: np.ndarray) -> np.ndarray:
    return 1 - 10.0**-height


def percent(share: float | int) -> str:
    """A share in per cent.

    Args:
        share: 1 is the whole.

    Returns:
        Text such as "5 %", with at most four digits.
    """
    return f"{100 * share:.4g} %"
