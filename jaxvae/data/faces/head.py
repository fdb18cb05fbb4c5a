"""The head: skin, ears, nose, eyes and mouth."""

import math

import numpy as np

from jaxvae.data.faces.canvas import Canvas
from jaxvae.data.faces.shapes import Outline, Values, arc, moved, oval
from jaxvae.data.faces.traits import Colour, Traits, mix

_WHITE, _DARK, _EYEBALL = (250.0, 250.0, 250.0), (20.0, 14.0, 14.0), (236.0, 232.0, 228.0)
_TEETH = (240.0, 236.0, 228.0)


def face_outline(traits: Traits) -> Outline:
    """The outline of the face, without ears and hair.

    Args:
        traits: the face.

    Returns:
        Its corners.
    """
    n = traits.numbers
    width = 0.64 + 0.06 * n["width"]
    whole = oval(0.0, 0.0, width, 0.86, power=2.3 + 0.25 * n["jaw"], taper=0.1 - 0.05 * n["jaw"])
    below = whole[:, 1] > 0
    whole[below, 1] *= 1 + 0.06 * n["chin"]
    return whole


def shade(colour: Colour, share: float) -> Colour:
    """Darkens a colour towards a warm shadow.

    Args:
        colour: the colour.
        share: how much, in [0, 1].

    Returns:
        The darker colour.
    """
    return mix(colour, (0.25 * colour[0], 0.16 * colour[1], 0.14 * colour[2]), share)


def draw_skin(canvas: Canvas, traits: Traits) -> None:
    """Draws ears and face with light and shadow, and blushing cheeks.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, skin, outline = traits.numbers, traits.skin, face_outline(traits)
    width, lit = 0.64 + 0.06 * n["width"], 1.0 if n["light"] > 0 else -1.0
    for side in (-1, 1):
        ear = 0.02 + 0.03 * n["ears"]
        canvas.fill(
            oval(side * (width - 0.01), 0.02, 0.1 + ear / 2, 0.19 + ear), shade(skin, 0.12), depth=-0.25
        )
        canvas.glow(oval(side * (width + 0.01), 0.03, 0.05, 0.12), shade(skin, 0.6), 0.6, 0.03, depth=-0.25)
    canvas.fill(outline, shade(skin, 0.34))
    canvas.glow(outline * 0.86, skin, 1.0, 0.09, within=outline)  # round: darker where it turns away
    away = shade(skin, 0.6)
    canvas.glow(oval(-lit * 0.72, 0.1, 0.36, 0.95), away, 0.3 + 0.35 * abs(n["light"]), 0.2, within=outline)
    for cheek in (-1, 1):
        canvas.glow(oval(cheek * 0.47, 0.5, 0.1, 0.2), away, 0.3, 0.09, depth=0.12, within=outline)
        bright = 0.26 if cheek == lit else 0.12
        canvas.glow(oval(cheek * 0.34, 0.13, 0.11, 0.06), _WHITE, bright, 0.06, depth=0.18, within=outline)
        if traits.attributes["Rosy_Cheeks"]:
            red = mix(skin, (222.0, 52.0, 62.0), 0.7)
            canvas.glow(oval(cheek * 0.36, 0.24, 0.16, 0.12), red, 0.65, 0.08, depth=0.15, within=outline)
    canvas.glow(oval(lit * 0.16, -0.48, 0.28, 0.16), _WHITE, 0.24, 0.13, depth=0.12, within=outline)
    canvas.glow(oval(0.0, 0.78, 0.12, 0.06), _WHITE, 0.16, 0.05, depth=0.18, within=outline)
    canvas.glow(oval(0.0, 1.0, 0.42, 0.14), away, 0.5, 0.09, within=outline)


def draw_nose(canvas: Canvas, traits: Traits) -> None:
    """Draws the nose: its bridge, its tip in the light and its nostrils.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, skin = traits.numbers, traits.skin
    tip, wide = 0.22 + 0.05 * n["nose_length"], 0.11 + 0.025 * n["nose_width"]
    lit = 1.0 if n["light"] > 0 else -1.0
    flank = np.array([(-lit * 0.05, -0.2), (-lit * 0.13, tip + 0.02), (-lit * 0.02, tip + 0.04), (0.0, -0.2)])
    canvas.glow(flank, shade(skin, 0.6), 0.5, 0.025, depth=0.22)
    canvas.glow(oval(0.0, tip + 0.1, 0.11, 0.03), shade(skin, 0.7), 0.5, 0.03, depth=0.22)
    canvas.glow(oval(lit * 0.02, 0.0, 0.022, 0.17), _WHITE, 0.24, 0.02, depth=0.24)
    for nostril in (-1, 1):
        canvas.glow(oval(nostril * wide * 0.8, tip, 0.05, 0.05), shade(skin, 0.15), 0.7, 0.02, depth=0.26)
        place = oval(nostril * wide * 0.52, tip + 0.055, 0.04, 0.02)
        canvas.fill(place, shade(skin, 0.7), depth=0.28)
        first, last = (-0.6, 1.2) if nostril > 0 else (math.pi - 1.2, math.pi + 0.6)
        wing = oval(nostril * wide, tip + 0.02, 0.048, 0.06, start=first, end=last)
        canvas.line(wing, shade(skin, 0.3), 0.016, depth=0.26)
    canvas.glow(oval(lit * 0.02, tip - 0.02, 0.05, 0.045), _WHITE, 0.34, 0.03, depth=0.32)


def draw_eyes(canvas: Canvas, traits: Traits) -> None:
    """Draws eyes with lids, iris, pupil and a light in it, and brows, which a frown draws together.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, skin, iris = traits.numbers, traits.skin, traits.colours["eyes"]
    gap, height = 0.27 + 0.025 * n["eye_gap"], 0.095 + 0.015 * n["eye_size"]
    if traits.attributes["Smiling"] or traits.attributes["Frowning"]:
        height *= 0.85
    gaze = 0.035 * n["gaze_x"], 0.015 * n["gaze_y"]
    for side in (-1, 1):
        x, y, tilt = side * gap, -0.1, -side * 0.02 * n["eye_tilt"]
        upper, lower = arc(x, y, 0.135, -height, lift=tilt), arc(x, y, 0.135, 0.62 * height, lift=tilt)
        canvas.glow(oval(x, y - 0.05, 0.17, 0.13), shade(skin, 0.55), 0.5, 0.05, depth=0.16)
        canvas.fill(np.concatenate([upper, lower[::-1]]), _EYEBALL, depth=0.18)
        for size, colour in ((0.076, shade(iris, 0.6)), (0.058, iris), (0.034, _DARK)):
            ball = oval(x + gaze[0], y + gaze[1] - 0.01, size, size)
            canvas.fill(_between(ball, upper, lower), colour, depth=0.18)
        lid = np.concatenate([upper, moved(upper, 0.0, 0.026)[::-1]])
        canvas.glow(lid, _DARK, 0.45, 0.012, depth=0.18)
        canvas.fill(oval(x + gaze[0] + 0.022, y + gaze[1] - 0.03, 0.017, 0.017), _WHITE, depth=0.18)
        canvas.line(upper, shade(skin, 0.9), 0.026, depth=0.18)
        canvas.line(lower, shade(skin, 0.42), 0.012, depth=0.18)
        crease = arc(x, y - 0.035, 0.135, -height, lift=tilt)
        canvas.line(crease, shade(skin, 0.42), 0.012, depth=0.18)
        _brow(canvas, traits, side, x)


def _brow(canvas: Canvas, traits: Traits, side: int, x: float) -> None:
    n, frown = traits.numbers, traits.attributes["Frowning"]
    inner, outer = x - side * (0.15 if frown else 0.12), x + side * 0.17
    y = -0.28 - 0.03 * n["brow_height"]
    low, high = (y + 0.12, y - 0.1) if frown else (y + 0.005, y + 0.03)
    t = np.linspace(0, 1, 9)
    across = inner + t * (outer - inner)
    top = low + t * (high - low) - 0.05 * np.sin(np.pi * t)
    thick = ((0.095 if frown else 0.065) + 0.018 * n["brow_weight"]) * (1 - 0.75 * t**1.5)
    outline = [np.stack([across, top], axis=1), np.stack([across, top + thick], axis=1)[::-1]]
    dark = mix(traits.hair, shade(traits.hair, 0.6), 0.7 if traits.attributes["Gray_Hair"] else 0.55)
    canvas.fill(np.concatenate(outline), dark, depth=0.18)
    if frown:
        canvas.glow(oval(side * 0.05, y + 0.08, 0.06, 0.09), shade(traits.skin, 0.7), 0.5, 0.03, depth=0.2)
        crease = np.array([(side * 0.045, y + 0.02), (side * 0.035, y + 0.12)])
        canvas.line(crease, shade(traits.skin, 0.7), 0.024, depth=0.2)


def draw_mouth(canvas: Canvas, traits: Traits) -> None:
    """Draws the mouth: a smile shows teeth, painted lips are red.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, has = traits.numbers, traits.attributes
    y, half = 0.5 + 0.03 * n["mouth_height"], 0.2 + 0.03 * n["mouth_width"]
    natural = mix(shade(traits.skin, 0.22), (190.0, 90.0, 90.0), 0.3)
    lips = (190.0, 14.0, 46.0) if has["Wearing_Lipstick"] else natural
    thick = (0.062 if has["Wearing_Lipstick"] else 0.05) + 0.012 * n["lips"]
    t = np.linspace(-1, 1, 15)
    bow = thick * (1 - t**2) * (1 - 0.3 * np.exp(-((5 * t) ** 2)))
    full = 1.35 * thick * (1 - t**2)
    if has["Smiling"]:
        half += 0.05
        upper = arc(0.0, y - 0.05, half, 0.06 + 0.015 * n["teeth"])
        lower = arc(0.0, y - 0.05, half, 0.17 + 0.03 * n["teeth"])
        canvas.fill(np.concatenate([upper, lower[::-1]]), (96.0, 30.0, 34.0), depth=0.2)
        edge = np.stack([0.9 * lower[:, 0], 0.3 * upper[:, 1] + 0.7 * lower[:, 1]], axis=1)
        canvas.fill(np.concatenate([upper * [0.9, 1], edge[::-1]]), _TEETH, depth=0.2)
        for side in (-1, 1):
            fold = np.array([(side * 0.19, 0.26), (side * (half + 0.04), y - 0.1), (side * (half + 0.05), y)])
            canvas.line(fold, shade(traits.skin, 0.28), 0.014, depth=0.18)
    else:
        upper = lower = arc(0.0, y, half, (-0.065 if has["Frowning"] else -0.025) + 0.025 * n["teeth"])
    canvas.glow(moved(lower, 0.0, 2.2 * thick), shade(traits.skin, 0.6), 0.5, 0.03, depth=0.2)
    _lip(canvas, upper, -bow, shade(lips, 0.16))
    _lip(canvas, lower, full, lips)
    shine = oval(0.0, lower[7, 1] + 0.6 * thick, 0.3 * half, 0.25 * thick)
    canvas.glow(shine, _WHITE, 0.3, 0.015, depth=0.2)
    if not has["Smiling"]:
        canvas.line(upper, shade(lips, 0.6), 0.016, depth=0.2)


def _lip(canvas: Canvas, edge: Outline, thick: Values, colour: Colour) -> None:
    other = edge + np.stack([0 * thick, thick], axis=1)
    canvas.fill(np.concatenate([edge, other[::-1]]), colour, depth=0.2)


def _between(shape: Outline, upper: Outline, lower: Outline) -> Outline:
    """A shape without what lies above the one or below the other of two curves from left to right."""
    top = np.interp(shape[:, 0], upper[:, 0], upper[:, 1])
    bottom = np.interp(shape[:, 0], lower[:, 0], lower[:, 1])
    return np.stack([shape[:, 0], shape[:, 1].clip(top, bottom)], axis=1)
