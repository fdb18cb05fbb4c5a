"""What surrounds a face: shoulders, hair, beard, spectacles and hat."""

import numpy as np

from jaxvae.data.faces.canvas import Canvas, Outline, arc, oval
from jaxvae.data.faces.head import face_outline, shade
from jaxvae.data.faces.traits import Colour, Traits, mix

_WHITE = (255.0, 255.0, 255.0)


def draw_body(canvas: Canvas, traits: Traits) -> None:
    """Draws neck, shoulders and clothes.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, skin, clothes = traits.numbers, traits.skin, traits.colours["clothes"]
    wide, kind = 1.15 + 0.15 * n["shoulders"], n["collar"]
    neck = np.array([(-0.33, 0.4), (0.33, 0.4), (0.36, 1.2), (-0.36, 1.2)])
    canvas.fill(neck, shade(skin, 0.2), fixed=True)
    canvas.glow(oval(0.0, 0.82, 0.4, 0.16), shade(skin, 0.6), 0.7, 0.08, fixed=True, within=neck)
    body = oval(0.0, 1.98, wide, 0.95, power=2.6)
    canvas.fill(body, clothes, fixed=True)
    canvas.glow(oval(0.6, 2.0, 0.4, 0.9), shade(clothes, 0.6), 0.4, 0.2, fixed=True, within=body)
    if kind > 0.2:  # a neckline in the shape of a V
        canvas.fill(np.array([(-0.34, 1.04), (0.34, 1.04), (0.0, 1.55)]), skin, fixed=True)
    elif kind > -0.35:
        canvas.fill(oval(0.0, 1.05, 0.36, 0.16), skin, fixed=True)
    else:  # a roll-neck
        canvas.fill(oval(0.0, 1.08, 0.38, 0.17, power=4.0), shade(clothes, 0.18), fixed=True)


def draw_hair_behind(canvas: Canvas, traits: Traits) -> None:
    """Draws what of long hair lies behind the face.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    if not traits.attributes["Long_Hair"]:
        return
    n, hair = traits.numbers, traits.hair
    wide, end = 0.86 + 0.1 * n["hair_volume"], 1.3 + 0.18 * n["hair_length"]
    y = np.linspace(-0.5, end, 30)
    wave = 0.05 * (1 + n["wave"]) * np.sin(7 * y + 3 * n["phase"])
    flare = 0.06 * np.sin(np.pi * (y + 0.5) / (end + 0.5))
    right = np.stack([wide + flare + wave, y], axis=1)
    left = np.stack([-wide - flare + wave, y], axis=1)
    top = oval(0.0, -0.35, wide, 0.75, start=-np.pi, end=0.0)
    outline = np.concatenate([top, right, left[::-1]])
    canvas.fill(outline, shade(hair, 0.25), depth=-0.3)
    for share in (-0.72, -0.5, 0.5, 0.72):
        strand = np.stack([share * wide * 1.25 + wave, y], axis=1)[6:]
        canvas.line(strand, shade(hair, 0.42 if abs(share) < 0.6 else 0.1), 0.03, depth=-0.3)


def draw_hair(canvas: Canvas, traits: Traits) -> None:
    """Draws the hair on the head: a cap with a parting, or bangs above the brows; of a bald head, its shine.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, has, hair, face = traits.numbers, traits.attributes, traits.hair, face_outline(traits)
    if has["Bald"]:
        canvas.glow(oval(0.2 * np.sign(n["light"]), -0.62, 0.17, 0.09), _WHITE, 0.55, 0.06, within=face)
        return
    wide, tall = 0.68 + 0.07 * n["width"] + 0.03 * n["hair_volume"], 0.98 + 0.07 * n["hair_volume"]
    low = 0.25 if has["Long_Hair"] else -0.02
    over = oval(0.0, -0.12, wide, tall - 0.12, start=-np.pi - 0.12, end=0.12, power=2.2)
    left, right = np.array([(-wide, low)]), np.array([(wide, low)])
    outline = np.concatenate([left, over, right, _hairline(traits, wide, low)])
    canvas.fill(outline, hair, depth=-0.02)
    canvas.glow(oval(0.22 * np.sign(n["light"]), -0.78, 0.26, 0.1), _WHITE, 0.3, 0.08, within=outline)
    part = 0.35 * n["parting"]
    end = -0.42 if has["Bangs"] else -0.72
    for step in np.linspace(-0.85, 0.85, 7):
        strand = np.array(
            [
                (part, -tall + 0.03),
                (0.55 * step * wide + 0.5 * part, -0.85),
                (0.95 * step * wide, end + 0.25 * step**2),
            ]
        )
        canvas.line(strand, shade(hair, 0.22), 0.016, depth=0.05)


def _hairline(traits: Traits, wide: float, low: float) -> Outline:
    """Where hair ends above the face, from right to left."""
    n, inner = traits.numbers, wide - 0.13
    if traits.attributes["Bangs"]:
        x = np.linspace(inner, -inner, 21)
        y = -0.33 - 0.03 * n["fringe"] + 0.025 * np.sin(24 * x + 4 * n["phase"]) - 0.05 * (x / inner) ** 2
        return np.concatenate([[(inner, low)], np.stack([x, y], axis=1), [(-inner, low)]])
    part, high = 0.35 * n["parting"], -0.66 - 0.05 * n["forehead"]
    x = np.linspace(inner, -inner, 21)
    away = np.abs(x - part) / (inner + abs(part))
    y = high + (0.3 - high - 0.5) * away**3
    return np.concatenate([[(inner, low)], np.stack([x, y], axis=1), [(-inner, low)]])


def draw_beard(canvas: Canvas, traits: Traits) -> None:
    """Draws a full beard and a moustache, each if the face has it.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    n, has = traits.numbers, traits.attributes
    hair = shade(traits.hair, 0.12)
    if has["Beard"]:
        face, mouth = face_outline(traits), 0.5 + 0.03 * n["mouth_height"]
        jaw = face[face[:, 1] > 0.12]
        jaw = jaw[np.argsort(-jaw[:, 0])] * [1.02, 1.0]
        drop = (0.14 + 0.08 * n["beard_length"]) * (1 - (jaw[:, 0] / 0.7) ** 2).clip(0)
        edge = np.stack([jaw[:, 0], jaw[:, 1] + drop], axis=1)
        across = np.linspace(-0.56, 0.56, 25)
        # Free below the cheeks and around the mouth.
        inner = np.stack([across, mouth - 0.08 + 0.24 * np.exp(-((across / 0.27) ** 4))], axis=1)
        inner[np.abs(across) > 0.4, 1] -= 0.1
        outline = np.concatenate([edge, inner])
        canvas.fill(outline, hair, depth=0.05)
        canvas.glow(oval(0.0, 0.95, 0.3, 0.1), shade(hair, 0.5), 0.5, 0.06, within=outline, depth=0.05)
    if has["Mustache"]:
        y, half = 0.4 + 0.02 * n["nose_length"], 0.25 + 0.05 * n["mustache_width"]
        upper, lower = arc(0.0, y + 0.05, half, -0.1), arc(0.0, y + 0.08, half, -0.02)
        canvas.fill(np.concatenate([upper, lower[::-1]]), hair, depth=0.24)


def draw_glasses(canvas: Canvas, traits: Traits) -> None:
    """Draws spectacles, if the face wears any.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    if not traits.attributes["Eyeglasses"]:
        return
    n = traits.numbers
    frame = mix(traits.colours["frame"], (15.0, 15.0, 20.0), 0.65)
    gap, size = 0.29 + 0.02 * n["eye_gap"], 0.2 + 0.025 * n["frame_size"]
    power = 2.0 if n["frame_shape"] < 0 else 4.5
    for side in (-1, 1):
        lens = oval(side * gap, -0.08, size, 0.86 * size, power=power)
        canvas.glow(lens, (225.0, 238.0, 250.0), 0.2, 0.01, depth=0.24)
        canvas.line(np.concatenate([lens, lens[:2]]), frame, 0.035, depth=0.24)
        canvas.line(np.array([(side * (gap + size), -0.1), (side * 0.66, -0.08)]), frame, 0.03, depth=0.0)
    canvas.line(arc(0.0, -0.1, gap - size + 0.01, -0.04), frame, 0.032, depth=0.27)


def draw_hat(canvas: Canvas, traits: Traits) -> None:
    """Draws a woollen hat, a cap or a hat with a brim, if the face wears one.

    Args:
        canvas: to draw on.
        traits: the face.
    """
    if not traits.attributes["Wearing_Hat"]:
        return
    n, hat, kind = traits.numbers, traits.colours["hat"], traits.numbers["hat_kind"]
    wide = 0.76 + 0.06 * n["width"]
    dome = oval(0.0, -0.42, wide, 0.72, start=-np.pi, end=0.0, power=2.5)
    if kind > 0.15:  # woollen
        canvas.fill(dome, hat, depth=-0.02)
        _sheen(canvas, dome, hat)
        band = oval(0.0, -0.43, wide + 0.03, 0.12, power=5.0)
        canvas.fill(band, shade(hat, 0.28), depth=0.02)
        if n["brim"] > 0:
            canvas.fill(oval(0.0, -1.15, 0.15, 0.14), mix(hat, _WHITE, 0.4), depth=0.0)
    elif kind > -0.3:  # a cap, its peak to one side
        canvas.fill(dome, hat, depth=-0.02)
        _sheen(canvas, dome, hat)
        canvas.fill(oval(0.3 * np.sign(n["brim"]), -0.4, 0.72, 0.1), shade(hat, 0.35), depth=0.3)
    else:
        crown = oval(0.0, -0.48, wide - 0.05, 0.7, start=-np.pi, end=0.0, power=4.0)
        canvas.fill(crown, hat, depth=-0.02)
        _sheen(canvas, crown, hat)
        canvas.fill(oval(0.0, -0.5, wide + 0.32 + 0.05 * n["brim"], 0.1), shade(hat, 0.3), depth=0.05)
        canvas.line(arc(0.0, -0.6, wide - 0.06, 0.05), shade(hat, 0.65), 0.09, depth=0.0)


def _sheen(canvas: Canvas, outline: Outline, colour: Colour) -> None:
    canvas.glow(oval(-0.25, -0.85, 0.3, 0.2), _WHITE, 0.22, 0.12, within=outline)
    canvas.glow(oval(0.6, -0.6, 0.25, 0.5), shade(colour, 0.5), 0.4, 0.14, within=outline)
