"""Hair of the head and beard."""

import numpy as np

from jaxvae.data.faces.canvas import Canvas
from jaxvae.data.faces.head import face_outline, shade
from jaxvae.data.faces.shapes import Outline, arc, moved, oval
from jaxvae.data.faces.traits import Traits, mix

_WHITE = (255.0, 255.0, 255.0)


def draw_hair_behind(canvas: Canvas, traits: Traits) -> None:
    """Draws what of long hair lies behind the face.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    if not traits.attributes["Long_Hair"]:
        return
    y, outer = _fall(traits)
    top = oval(0.0, -0.35, outer[0], 0.6, start=-np.pi, end=0.0)
    right, left = np.stack([outer, y], axis=1), np.stack([-outer, y], axis=1)
    canvas.fill(np.concatenate([top, right, left[::-1]]), shade(traits.hair, 0.5))


def draw_hair(canvas: Canvas, traits: Traits) -> None:
    """Draws the hair on the head: a cap with a parting, or bangs above the brows, and locks if it is long.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, has, hair, face = traits.numbers, traits.attributes, traits.hair, face_outline(traits)
    lit = 1.0 if n["light"] > 0 else -1.0
    if has["Bald"]:
        canvas.glow(oval(0.22 * lit, -0.6, 0.16, 0.09), _WHITE, 0.4, 0.07, within=face)
        return
    if has["Long_Hair"]:
        _locks(canvas, traits)
    inner, tall = 0.56 + 0.06 * n["width"], 0.99 + 0.07 * n["hair_volume"]
    wide = _fall(traits)[1][0] if has["Long_Hair"] else inner + 0.11 + 0.03 * n["hair_volume"]
    over, hairline = (
        oval(0.0, -0.1, wide, tall - 0.1, start=-np.pi, end=0.0, power=2.2),
        _hairline(traits, inner),
    )
    ends = np.array([(wide - 0.01, 0.06), (wide - 0.05, 0.08), (wide - 0.08, -0.08)])
    whiskers = [] if has["Long_Hair"] else [ends, (ends * [-1.0, 1.0])[::-1]]
    outline = np.concatenate([over, *whiskers[:1], hairline, *whiskers[1:]])
    canvas.glow(moved(outline, 0.0, 0.05), shade(traits.skin, 0.6), 0.55, 0.04, within=face)
    canvas.fill(outline, hair)
    canvas.glow(oval(-0.6 * lit, -0.4, 0.25, 0.5), shade(hair, 0.6), 0.5, 0.12, within=outline)
    part = 0.35 * n["parting"]
    start = np.interp(part, over[:, 0], over[:, 1]) + 0.05
    for number, step in enumerate(np.linspace(-0.9, 0.9, 10)):
        x = 0.96 * step * inner
        end = np.interp(-x, -hairline[:, 0], hairline[:, 1]) - 0.05
        path = np.array([(part, start), (0.8 * x + 0.2 * part, start + 0.1 + 0.1 * step**2), (x, end)])
        strand = shade(hair, 0.2) if number % 2 else mix(hair, _WHITE, 0.09)
        canvas.line(_curve(path), strand, 0.02)
    canvas.glow(oval(0.2 * lit, -0.77, 0.3, 0.06), _WHITE, 0.3, 0.07, within=outline)


def _hairline(traits: Traits, inner: float) -> Outline:
    """Where hair ends above the face, from right to left."""
    n = traits.numbers
    x = np.linspace(inner, -inner, 33)
    part = 0.35 * n["parting"]
    if traits.attributes["Bangs"]:
        y = -0.34 - 0.03 * n["fringe"] + 0.02 * np.sin(24 * x + 4 * n["phase"]) - 0.05 * (x / inner) ** 2
    else:
        high = -0.64 - 0.05 * n["forehead"]
        away = np.abs(x - part) / (inner + abs(part))
        y = high + (-0.24 - high) * away**3
    return np.stack([x, y], axis=1)


def _fall(traits: Traits) -> tuple[np.ndarray, np.ndarray]:
    """Heights from the temples to the ends of long hair, and how far it reaches to either side there."""
    n = traits.numbers
    y = np.linspace(-0.4, 1.28 + 0.2 * n["hair_length"], 30)
    share = (y - y[0]) / (y[-1] - y[0])
    wave = 0.025 * (1 + n["wave"]) * np.sin(8 * y + 3 * n["phase"]) * share
    return y, 0.76 + 0.09 * n["hair_volume"] + 0.1 * np.sin(np.pi * share**0.8) - 0.08 * share**4 + wave


def _locks(canvas: Canvas, traits: Traits) -> None:
    """Long hair before ears and shoulders."""
    n, hair = traits.numbers, traits.hair
    y, outer = _fall(traits)
    share = (y - y[0]) / (y[-1] - y[0])
    inner = 0.53 + 0.06 * n["width"] + 0.08 * np.sin(np.pi * share) ** 2 + 0.12 * share**3
    for side in (-1, 1):
        edges = [np.stack([side * x, y], axis=1) for x in (outer, inner)]
        lock = np.concatenate([edges[0], edges[1][::-1]])
        canvas.glow(moved(lock, -0.04 * side, 0.02), shade(traits.skin, 0.65), 0.5, 0.04)
        canvas.fill(lock, hair)
        for place in (0.2, 0.4, 0.6, 0.8):
            strand = shade(hair, 0.2) if place in (0.2, 0.6) else mix(hair, _WHITE, 0.09)
            canvas.line((edges[0] * (1 - place) + edges[1] * place)[2:-2], strand, 0.022)
        dark = 0.55 if side * n["light"] < 0 else 0.25
        canvas.glow(moved(lock * [0.94, 1.0], 0.0, 0.45), shade(hair, 0.6), dark, 0.14, within=lock)
        canvas.glow(oval(side * 0.7, 0.12, 0.1, 0.07), _WHITE, 0.26, 0.06, within=lock)


def draw_beard(canvas: Canvas, traits: Traits) -> None:
    """Draws a full beard and a moustache, each if the face has it.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, has = traits.numbers, traits.attributes
    hair = shade(traits.hair, 0.15)
    if has["Beard"]:
        face, mouth = face_outline(traits), 0.5 + 0.03 * n["mouth_height"]
        jaw = face[face[:, 1] > 0.1]
        jaw = jaw[np.argsort(-jaw[:, 0])]
        drop = (0.1 + 0.08 * n["beard_length"]) * (1 - (jaw[:, 0] / 0.7) ** 2).clip(0)
        edge = np.stack([jaw[:, 0], jaw[:, 1] + drop], axis=1)
        across = np.linspace(-0.5, 0.5, 29)
        # Free below the cheeks and around the mouth.
        inner = np.stack([across, mouth - 0.06 + 0.22 * np.exp(-((across / 0.27) ** 4))], axis=1)
        inner[:, 1] -= 0.3 * np.maximum(np.abs(across) - 0.32, 0)
        outline = np.concatenate([edge, inner])
        canvas.glow(outline, hair, 1.0, 0.022, depth=np.repeat([0.0, 0.18], [len(edge), len(inner)]))
        canvas.glow(oval(0.0, 0.92, 0.34, 0.07), shade(hair, 0.6), 0.5, 0.06)
        canvas.glow(oval(0.2 * np.sign(n["light"]), 0.78, 0.16, 0.05), _WHITE, 0.16, 0.05)
    if has["Mustache"]:
        y, half = 0.39 + 0.02 * n["nose_length"], 0.24 + 0.05 * n["mustache_width"]
        upper, lower = arc(0.0, y + 0.08, half, -0.12), arc(0.0, y + 0.1, half, -0.02)
        upper[:, 1] += 0.03 * np.exp(-((upper[:, 0] / 0.05) ** 2))
        canvas.fill(np.concatenate([upper, lower[::-1]]), hair, depth=0.22)


def _curve(path: Outline) -> Outline:
    """A smooth curve from the first of three points to the third, drawn towards the second."""
    t = np.linspace(0, 1, 9)[:, None]
    return (1 - t) ** 2 * path[0] + 2 * t * (1 - t) * path[1] + t**2 * path[2]
