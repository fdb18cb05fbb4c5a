"""Shapes of which a face is drawn."""

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float

Outline = Float[np.ndarray, "_ 2"]
"""Corners, x to the right and y downwards."""

Values = Float[np.ndarray, " _"]

_ACROSS = np.linspace(-1, 1, 15)


def oval(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    power: float = 2.0,
    start: float = 0.0,
    end: float = 2 * math.pi,
    taper: float = 0.0,
) -> Outline:
    """A superellipse, or a part of one.

    Args:
        x: of its middle.
        y: of its middle.
        width: from the middle to the side.
        height: from the middle to the top.
        power: 2 for an ellipse, more for a squarer one.
        start: angle of the first corner, from the right towards the bottom, in radians.
        end: angle of the last corner.
        taper: how much narrower it is at the bottom, and wider at the top, as a share of its width.

    Returns:
        Its corners.
    """
    across, down = _superellipse(power, start, end)
    corners = np.empty((len(across), 2))
    corners[:, 0] = x + width * across * (1 - taper * down)
    corners[:, 1] = y + height * down
    return corners


def arc(x: float, y: float, width: float, bend: float, *, lift: float = 0.0) -> Outline:
    """A curve from left to right.

    Args:
        x: of its middle.
        y: of its ends.
        width: from the middle to an end.
        bend: how far its middle lies below its ends; above if negative.
        lift: how far its right end lies below y and its left end above.

    Returns:
        Its corners.
    """
    corners = np.empty((len(_ACROSS), 2))
    corners[:, 0] = x + width * _ACROSS
    corners[:, 1] = y + bend * (1 - _ACROSS * _ACROSS) + lift * _ACROSS
    return corners


def moved(outline: Outline, x: float, y: float) -> Outline:
    """Moves a shape.

    Args:
        outline: its corners.
        x: how far to the right.
        y: how far down.

    Returns:
        Its corners there.
    """
    return outline + np.array((x, y))


@lru_cache(maxsize=256)
def _superellipse(power: float, start: float, end: float) -> tuple[Values, Values]:
    angle = np.linspace(start, end, 40)
    cos, sin = np.cos(angle), np.sin(angle)
    across, down = (np.sign(side) * np.abs(side) ** (2 / power) for side in (cos, sin))
    return across, down
