"""What a face wears: clothes, spectacles and hat."""

import numpy as np

from jaxvae.data.faces.canvas import Canvas
from jaxvae.data.faces.head import shade
from jaxvae.data.faces.shapes import Outline, arc, oval
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
    lit = 1.0 if n["light"] > 0 else -1.0
    canvas.glow(oval(-0.75 * lit, 2.0, 0.4, 0.9), shade(clothes, 0.7), 0.6, 0.2, fixed=True, within=body)
    canvas.glow(oval(0.6 * lit, 1.3, 0.25, 0.12), _WHITE, 0.16, 0.12, fixed=True, within=body)
    if kind > 0.2:  # a neckline in the shape of a V
        canvas.fill(np.array([(-0.34, 1.04), (0.34, 1.04), (0.0, 1.55)]), skin, fixed=True)
    elif kind > -0.35:
        canvas.fill(oval(0.0, 1.05, 0.36, 0.16), skin, fixed=True)
    else:  # a roll-neck
        canvas.fill(oval(0.0, 1.08, 0.38, 0.17, power=4.0), shade(clothes, 0.18), fixed=True)


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
        hinge = np.array([(side * (gap + size), -0.1)])
        if side * canvas.turned(hinge, 0.24)[0, 0] < 0.6:
            bow = np.concatenate([hinge, [(side * 0.64, -0.08)]])
            canvas.line(bow, frame, 0.03, depth=np.array([0.24, 0.0]))
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
    canvas.glow(oval(0.0, -0.36, 0.56, 0.07), shade(traits.skin, 0.65), 0.6, 0.05)
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
        canvas.fill(oval(0.15 * n["brim"], -0.4, 0.7, 0.11), shade(hat, 0.3), depth=0.09)
        canvas.glow(oval(0.15 * n["brim"], -0.45, 0.5, 0.03), _WHITE, 0.2, 0.03, depth=0.09)
    else:
        crown = oval(0.0, -0.48, wide - 0.05, 0.7, start=-np.pi, end=0.0, power=4.0)
        canvas.fill(crown, hat, depth=-0.02)
        _sheen(canvas, crown, hat)
        canvas.fill(oval(0.0, -0.5, wide + 0.32 + 0.05 * n["brim"], 0.1), shade(hat, 0.3), depth=0.05)
        canvas.line(arc(0.0, -0.6, wide - 0.06, 0.05), shade(hat, 0.65), 0.09, depth=0.0)


def _sheen(canvas: Canvas, outline: Outline, colour: Colour) -> None:
    canvas.glow(oval(-0.25, -0.85, 0.3, 0.2), _WHITE, 0.22, 0.12, within=outline)
    canvas.glow(oval(0.6, -0.6, 0.25, 0.5), shade(colour, 0.5), 0.4, 0.14, within=outline)
