"""The head: skin, ears, nose, eyes and mouth."""

import math

import numpy as np

from jaxvae.data.faces.canvas import Canvas, Outline, arc, oval
from jaxvae.data.faces.traits import Colour, Traits, mix

_WHITE, _DARK = (250.0, 250.0, 250.0), (20.0, 14.0, 14.0)


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
    width = 0.64 + 0.06 * n["width"]
    for side in (-1, 1):
        ear = 0.02 + 0.03 * n["ears"]
        canvas.fill(oval(side * (width - 0.01), 0.02, 0.11 + ear / 2, 0.2 + ear), skin, depth=-0.25)
        canvas.fill(oval(side * (width + 0.01), 0.03, 0.055, 0.12), shade(skin, 0.2), depth=-0.25)
    canvas.fill(outline, skin)
    lit = 1.0 if n["light"] > 0 else -1.0
    shadow = oval(-lit * 0.75, 0.1, 0.42, 0.95)
    canvas.glow(shadow, shade(skin, 0.5), 0.3 + 0.3 * abs(n["light"]), 0.22, within=outline)
    canvas.glow(oval(lit * 0.18, -0.5, 0.3, 0.2), _WHITE, 0.22, 0.16, within=outline)
    for cheek in (-0.36, 0.36):
        place = oval(cheek, 0.24, 0.17, 0.13)
        if traits.attributes["Rosy_Cheeks"]:
            red = mix(skin, (225.0, 50.0, 60.0), 0.75)
            canvas.glow(place, red, 0.85, 0.07, depth=0.12, within=outline)
    canvas.glow(oval(0.0, 0.98, 0.4, 0.16), shade(skin, 0.5), 0.35, 0.1, within=outline)


def draw_nose(canvas: Canvas, traits: Traits) -> None:
    """Draws the nose: its bridge, its tip in the light and its nostrils.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, skin = traits.numbers, traits.skin
    tip, wide = 0.22 + 0.05 * n["nose_length"], 0.11 + 0.025 * n["nose_width"]
    side = 1.0 if n["light"] > 0 else -1.0
    bridge = np.array([(-side * 0.03, -0.2), (-side * 0.1, tip), (0.0, tip + 0.06), (0.0, -0.2)])
    canvas.glow(bridge, shade(skin, 0.5), 0.5, 0.025, depth=0.2)
    canvas.glow(oval(side * 0.02, tip - 0.03, 0.06, 0.06), _WHITE, 0.35, 0.03, depth=0.34)
    for nostril in (-1, 1):
        place = oval(nostril * wide * 0.55, tip + 0.055, 0.042, 0.022)
        canvas.fill(place, shade(skin, 0.65), depth=0.28)
        wing = oval(
            nostril * wide,
            tip + 0.02,
            0.05,
            0.065,
            start=-0.9 if nostril > 0 else math.pi - 0.9,
            end=1.3 if nostril > 0 else math.pi + 1.3,
        )
        canvas.line(wing, shade(skin, 0.35), 0.018, depth=0.26)


def draw_eyes(canvas: Canvas, traits: Traits) -> None:
    """Draws eyes with lids, iris, pupil and a light in it, and brows, which a frown draws together.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, skin, iris = traits.numbers, traits.skin, traits.colours["eyes"]
    gap, height = 0.27 + 0.025 * n["eye_gap"], 0.095 + 0.015 * n["eye_size"]
    if traits.attributes["Smiling"]:
        height *= 0.85
    gaze = 0.035 * n["gaze_x"], 0.015 * n["gaze_y"]
    for side in (-1, 1):
        x, y, tilt = side * gap, -0.1, -side * 0.02 * n["eye_tilt"]
        upper, lower = arc(x, y, 0.14, -height, lift=tilt), arc(x, y, 0.14, 0.7 * height, lift=tilt)
        opening = np.concatenate([upper, lower[::-1]])
        canvas.glow(oval(x, y - 0.02, 0.17, 0.13), shade(skin, 0.4), 0.5, 0.04, depth=0.15)
        canvas.fill(opening, _WHITE, depth=0.18)
        ball = oval(x + gaze[0], y + gaze[1], 0.072, 0.074)
        canvas.fill(_between(ball, upper, lower), iris, depth=0.18)
        pupil = oval(x + gaze[0], y + gaze[1], 0.036, 0.037)
        canvas.fill(_between(pupil, upper, lower), _DARK, depth=0.18)
        canvas.fill(oval(x + gaze[0] + 0.022, y + gaze[1] - 0.024, 0.018, 0.018), _WHITE, depth=0.18)
        canvas.line(upper, shade(skin, 0.85), 0.028, depth=0.18)
        canvas.line(lower, shade(skin, 0.4), 0.012, depth=0.18)
        _brow(canvas, traits, side, x)


def _brow(canvas: Canvas, traits: Traits, side: int, x: float) -> None:
    n, frown = traits.numbers, traits.attributes["Frowning"]
    inner, outer = x - side * (0.15 if frown else 0.12), x + side * 0.15
    y = -0.29 - 0.03 * n["brow_height"]
    low, high = (y + 0.12, y - 0.06) if frown else (y + 0.005, y + 0.02)
    t = np.linspace(0, 1, 9)
    path = np.stack([inner + t * (outer - inner), low + t * (high - low) - 0.05 * np.sin(np.pi * t)], axis=1)
    dark = mix(traits.hair, shade(traits.hair, 0.6), 0.6 if traits.attributes["Gray_Hair"] else 0.35)
    canvas.line(path, dark, 0.05 + 0.015 * n["brow_weight"], depth=0.16)
    if frown:
        crease = np.array([(side * 0.045, y + 0.02), (side * 0.035, y + 0.12)])
        canvas.line(crease, shade(traits.skin, 0.45), 0.016, depth=0.2)


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
    thick = (0.062 if has["Wearing_Lipstick"] else 0.045) + 0.012 * n["lips"]
    if has["Smiling"]:
        half += 0.06
        upper = arc(0.0, y - 0.05, half, 0.045 + 0.015 * n["teeth"])
        lower = arc(0.0, y - 0.05, half, 0.2 + 0.03 * n["teeth"])
        canvas.fill(np.concatenate([upper, lower[::-1]]), (112.0, 30.0, 36.0), depth=0.2)
        teeth = np.stack([0.92 * lower[:, 0], 0.42 * upper[:, 1] + 0.58 * lower[:, 1]], axis=1)
        canvas.fill(np.concatenate([upper * [0.92, 1], teeth[::-1]]), _WHITE, depth=0.2)
        canvas.line(lower, lips, thick, depth=0.2)
        canvas.line(upper, lips, 0.8 * thick, depth=0.2)
        for side in (-1, 1):
            fold = np.array([(side * 0.2, 0.26), (side * (half + 0.05), y - 0.12), (side * (half + 0.05), y)])
            canvas.line(fold, shade(traits.skin, 0.3), 0.014, depth=0.15)
        return
    bend = -0.035 + 0.025 * n["teeth"]
    middle, t = arc(0.0, y, half, bend), np.linspace(-1, 1, 15)
    bow = middle - np.stack([0 * t, thick * (1 - t**2) * (1 - 0.35 * np.exp(-((5 * t) ** 2)))], axis=1)
    full = middle + np.stack([0 * t, 1.35 * thick * (1 - t**2)], axis=1)
    canvas.fill(np.concatenate([bow, middle[::-1]]), shade(lips, 0.12), depth=0.2)
    canvas.fill(np.concatenate([middle, full[::-1]]), lips, depth=0.2)
    canvas.line(middle, shade(lips, 0.55), 0.016, depth=0.2)


def _between(shape: Outline, upper: Outline, lower: Outline) -> Outline:
    """A shape without what lies above the one or below the other of two curves from left to right."""
    top = np.interp(shape[:, 0], upper[:, 0], upper[:, 1])
    bottom = np.interp(shape[:, 0], lower[:, 0], lower[:, 1])
    return np.stack([shape[:, 0], shape[:, 1].clip(top, bottom)], axis=1)
