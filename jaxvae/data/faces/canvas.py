"""A picture that is drawn in a face's own coordinates: x to the right, y downwards, the head about [-1, 1] high."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from jaxvae.data.faces.shapes import Outline, Values
from jaxvae.data.faces.traits import Colour

Depth = float | Values


_FINER = 4  # least number of pixels drawn per pixel and side, for antialiasing
_SIDE = 256  # least number of pixels drawn per side, so that small pictures are large ones made smaller
_COARSER = 4  # pixels drawn per pixel of what has soft edges
_FRONT = 0.1  # least depth of what lies on the round front of the head


class Canvas:
    """A square picture and where a face is on it.

    Args:
        size: side in pixels of the finished picture.
        centre: of the face, in the picture's coordinates, both from 0 to 1.
        scale: how much of the picture's side one unit of the face is.
        roll: how far the head is tilted, in radians.
        yaw: how far it is turned to the right, in radians.
        pitch: how far it is bowed, in radians.
    """

    def __init__(
        self,
        size: int,
        centre: tuple[float, float],
        scale: float,
        *,
        roll: float,
        yaw: float,
        pitch: float,
    ) -> None:
        self._finer = max(_FINER, -(-_SIDE // size))
        self._side = size * self._finer
        self._centre, self._scale = np.array(centre) * self._side, scale * self._side
        self._upright = np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
        self._yaw, self._nod = yaw, math.sin(pitch)
        self._picture = Image.new("RGB", (self._side, self._side))
        self._draw = ImageDraw.Draw(self._picture)

    def background(
        self, corners: Sequence[Colour], lights: Sequence[tuple[float, float, float]], *, blur: float
    ) -> None:
        """Paints everything, out of focus.

        Args:
            corners: colours of the picture's corners: top left, top right, bottom left, bottom right.
            lights: (x, y, radius) of lights, round, in the picture's coordinates.
            blur: width of the lights' edges, in the picture's coordinates.
        """
        coarse = self._side // _COARSER
        x, y = np.linspace(0, 1, coarse)[None, :, None], np.linspace(0, 1, coarse)[:, None, None]
        top_left, top_right, low_left, low_right = (np.array(corner) for corner in corners)
        top, low = top_left * (1 - x) + top_right * x, low_left * (1 - x) + low_right * x
        ramp = (top * (1 - y) + low * y).astype(np.uint8)
        glare = Image.new("L", (coarse, coarse))
        for cx, cy, radius in lights:
            box = [coarse * v for v in (cx - radius, cy - radius, cx + radius, cy + radius)]
            ImageDraw.Draw(glare).ellipse(box, fill=90)
        glare = glare.filter(ImageFilter.GaussianBlur(blur * coarse))
        picture = Image.fromarray(ramp)
        picture.paste((255, 255, 255), (0, 0), glare)
        self._picture.paste(picture.resize((self._side, self._side), Image.Resampling.BILINEAR))

    def fill(self, outline: Outline, colour: Colour, *, depth: Depth = 0.0, fixed: bool = False) -> None:
        """Fills a shape.

        Args:
            outline: its corners.
            colour: its colour.
            depth: how far before the axis of the head it lies, or each of its corners; a turned head moves it to the
                side, and what has at least 0.1 lies on its round front.
            fixed: whether it belongs to the body, which neither tilts nor turns.
        """
        self._draw.polygon(self._places(outline, depth, fixed), fill=_whole(colour))

    def line(self, path: Outline, colour: Colour, width: float, *, depth: Depth = 0.0) -> None:
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
        depth: Depth = 0.0,
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
        edge, coarse = 3 * blur * self._scale, _COARSER
        across, down = zip(*places, strict=True)
        left, top = (max(0, int(min(values) - edge) // coarse) for values in (across, down))
        right, bottom = (
            min(self._side // coarse, int(max(values) + edge) // coarse + 1) for values in (across, down)
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
        return np.asarray(self._picture.reduce(self._finer))

    def turned(self, outline: Outline, depth: Depth) -> Outline:
        """Moves a shape as the head turns and bows.

        Args:
            outline: its corners.
            depth: as of `fill`.

        Returns:
            Where its corners lie then.
        """
        if not isinstance(depth, float):
            places = np.empty_like(outline)
            for level in np.unique(depth).tolist():
                places[depth == level] = self.turned(outline[depth == level], level)
            return places
        x, y = outline[:, 0], outline[:, 1]
        turn, down = math.sin(self._yaw), np.minimum(np.maximum(y, 0.0), 0.9)
        moved = np.empty_like(outline)
        if depth < _FRONT:
            moved[:, 0], moved[:, 1] = x + (depth + 0.3 * down) * turn, y + depth * self._nod
            return moved
        radius = 0.72 * (1 - 0.3 * down * down)
        angle = np.arcsin(np.minimum(np.maximum(x / radius, -0.99), 0.99)) + self._yaw
        moved[:, 0] = radius * np.sin(angle) + (depth - 0.18) * turn
        moved[:, 1] = y + (0.3 + depth) * self._nod
        return moved

    def _places(self, outline: Outline, depth: Depth, fixed: bool) -> list[tuple[float, float]]:
        points = outline if fixed else self.turned(outline, depth) @ self._upright
        return list(map(tuple, (self._centre + self._scale * points).tolist()))


def _whole(colour: Sequence[float]) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, round(value))) for value in colour)
    return red, green, blue
