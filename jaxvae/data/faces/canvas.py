"""A picture that is drawn in a face's own coordinates: x to the right, y downwards, the head about [-1, 1] high."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from jaxvae.data.faces.traits import Colour

Outline = Float[np.ndarray, "_ 2"]

_FINER = 4  # pixels drawn per pixel and side, for antialiasing


class Canvas:
    """A square picture and where a face is on it.

    Args:
        size: side in pixels of the finished picture.
        centre: of the face, in the picture's coordinates, both from 0 to 1.
        scale: how much of the picture's side one unit of the face is.
        roll: how far the head is tilted, in radians.
        yaw: how far it is turned, in radians.
    """

    def __init__(self, size: int, centre: tuple[float, float], scale: float, roll: float, yaw: float) -> None:
        self._side = size * _FINER
        self._centre, self._scale = np.array(centre) * self._side, scale * self._side
        self._upright = np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
        self._turn = math.sin(yaw)
        self._picture = Image.new("RGB", (self._side, self._side))
        self._draw = ImageDraw.Draw(self._picture)

    def background(self, above: Colour, below: Colour, lights: Sequence[tuple[float, float, float]]) -> None:
        """Paints everything.

        Args:
            above: colour of the upper edge.
            below: colour of the lower edge.
            lights: (x, y, radius) of lights out of focus, round, in the picture's coordinates.
        """
        rows = np.linspace(0, 1, self._side)[:, None, None]
        ramp = (np.array(above) * (1 - rows) + np.array(below) * rows).astype(np.uint8)
        self._picture.paste(Image.fromarray(np.broadcast_to(ramp, (self._side, self._side, 3)).copy()))
        for x, y, radius in lights:
            box = [self._side * v for v in (x - radius, y - radius, x + radius, y + radius)]
            middle = np.asarray(above) * (1 - y) + np.asarray(below) * y
            self._draw.ellipse(box, fill=_whole(tuple((middle + 0.3 * (255 - middle)).tolist())))

    def fill(self, outline: Outline, colour: Colour, *, depth: float = 0.0, fixed: bool = False) -> None:
        """Fills a shape.

        Args:
            outline: its corners.
            colour: its colour.
            depth: how far before the axis of the head it lies; a turned head moves it to the side.
            fixed: whether it belongs to the body, which neither tilts nor turns.
        """
        self._draw.polygon(self._places(outline, depth, fixed), fill=_whole(colour))

    def line(self, path: Outline, colour: Colour, width: float, *, depth: float = 0.0) -> None:
        """Draws a line with round ends.

        Args:
            path: its corners.
            colour: its colour.
            width: in units of the face.
            depth: as of `fill`.
        """
        places, thick = self._places(path, depth, False), max(1, round(width * self._scale))
        self._draw.line(places, fill=_whole(colour), width=thick, joint="curve")
        for x, y in (places[0], places[-1]):
            r = thick / 2 - 0.5
            self._draw.ellipse([x - r, y - r, x + r, y + r], fill=_whole(colour))

    def glow(
        self,
        outline: Outline,
        colour: Colour,
        strength: float,
        blur: float,
        *,
        depth: float = 0.0,
        within: Outline | None = None,
        fixed: bool = False,
    ) -> None:
        """Tints a soft-edged region.

        Args:
            outline: of the region.
            colour: to tint it with.
            strength: share of the colour in the middle, in [0, 1].
            blur: width of its edge in units of the face.
            depth: as of `fill`.
            within: a shape of depth 0 outside of which nothing is tinted.
            fixed: as of `fill`.
        """
        places = self._places(outline, depth, fixed)
        edge, coarse = 3 * blur * self._scale, _FINER  # a soft edge needs no fine pixels
        left, top = (max(0, int(min(values) - edge) // coarse) for values in zip(*places, strict=True))
        right, bottom = (
            min(self._side // coarse, int(max(values) + edge) // coarse + 1)
            for values in zip(*places, strict=True)
        )
        if left >= right or top >= bottom:
            return
        mask = Image.new("L", (right - left, bottom - top))
        corners = [(x / coarse - left, y / coarse - top) for x, y in places]
        ImageDraw.Draw(mask).polygon(corners, fill=round(255 * strength))
        mask = mask.filter(ImageFilter.GaussianBlur(blur * self._scale / coarse))
        mask = mask.resize((coarse * mask.width, coarse * mask.height), Image.Resampling.BILINEAR)
        corner = coarse * left, coarse * top
        if within is not None:
            inside = Image.new("L", mask.size)
            limits = [(x - corner[0], y - corner[1]) for x, y in self._places(within, 0.0, fixed)]
            ImageDraw.Draw(inside).polygon(limits, fill=255)
            mask = ImageChops.multiply(mask, inside)
        self._picture.paste(_whole(colour), (*corner, corner[0] + mask.width, corner[1] + mask.height), mask)

    def finished(self) -> UInt8[np.ndarray, "size size 3"]:
        """The picture.

        Returns:
            Its pixels, antialiased.
        """
        return np.asarray(self._picture.reduce(_FINER))

    def _places(self, outline: Outline, depth: float, fixed: bool) -> list[tuple[float, float]]:
        points = np.asarray(outline, np.float64)
        if not fixed:
            points = (points + np.array([depth * self._turn, 0.0])) @ self._upright
        return [(x, y) for x, y in (self._centre + self._scale * points).tolist()]


def _whole(colour: Sequence[float]) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, round(value))) for value in colour)
    return red, green, blue


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
    angle = np.linspace(start, end, 48)
    cos, sin = np.cos(angle), np.sin(angle)
    across = np.sign(cos) * np.abs(cos) ** (2 / power)
    down = np.sign(sin) * np.abs(sin) ** (2 / power)
    return np.stack([x + width * across * (1 - taper * down), y + height * down], axis=1)


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
    t = np.linspace(-1, 1, 15)
    return np.stack([x + width * t, y + bend * (1 - t**2) + lift * t], axis=1)
