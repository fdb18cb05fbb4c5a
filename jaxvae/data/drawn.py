"""Birds, horses and houses drawn by a program: colour pictures that need neither files nor network.

Figures are polygons in their own coordinates, x to the right and y downwards, both in about [-1, 1]; positions in the
picture are in [0, 1].
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from jaxvae.data.dataset import Dataset, from_arrays

CLASSES = ("bird", "horse", "house")
SIZES = (8, 256)
"""Smallest and largest side of a picture, in pixels."""

_COUNTS = {"train": 600, "test": 120}
_FINER = 4  # pixels drawn per pixel and side, for antialiasing

_Colour = tuple[int, int, int]
_Shapes = list[tuple[Float[np.ndarray, "n 2"], _Colour]]


def draw_pictures(*, split: str, image_size: int, limit: int | None = None) -> Dataset:
    """Draws the data set "drawn": figures of varied colour, size, position and pose in front of sky and ground.

    Args:
        split: "train" (600 pictures) or "test" (120); no picture is in both.
        image_size: side of the pictures in pixels, in [8, 256]; the scenes do not depend on it.
        limit: draw only the first `limit` pictures, or all if there are fewer; at least 1.

    Returns:
        The data set, with equally many pictures of each class, in random order.

    Raises:
        ValueError: the size is out of range.
    """
    smallest, largest = SIZES
    if not smallest <= image_size <= largest:
        raise ValueError(
            f"drawn has pictures of {smallest} to {largest} pixels a side, got image_size {image_size}."
        )
    splits = list(_COUNTS)
    rng = np.random.default_rng(splits.index(split))
    labels = rng.permutation(np.arange(_COUNTS[split], dtype=np.int32) % len(CLASSES))
    labels = labels[:limit]
    images = np.stack([_draw(rng, CLASSES[label], image_size) for label in labels])
    return from_arrays(images, labels, name="drawn", class_names=CLASSES)


def _draw(rng: np.random.Generator, name: str, size: int) -> UInt8[np.ndarray, "size size 3"]:
    horizon = rng.uniform(0.62, 0.78)
    side = size * _FINER
    picture = Image.fromarray(_ground_and_sky(rng, horizon, side))
    draw = ImageDraw.Draw(picture)
    if name == "bird":
        shapes, turn = _bird(rng), rng.uniform(-0.35, 0.35)
        extent, place = rng.uniform(0.28, 0.42), (rng.uniform(0.4, 0.6), rng.uniform(0.32, 0.5))
    else:
        shapes, turn = (_horse(rng), rng.uniform(-0.06, 0.06)) if name == "horse" else (_house(rng), 0.0)
        foot = rng.uniform(horizon + 0.05, 0.95)
        extent = min(rng.uniform(0.3, 0.4), foot / 2.1)  # no head is cut off
        place = (rng.uniform(0.42, 0.58), foot - 0.9 * extent)
    cos, sin = extent * np.cos(turn), extent * np.sin(turn)
    mirror = rng.choice([-1, 1])
    matrix = np.array([[mirror * cos, sin], [-mirror * sin, cos]])
    for outline, colour in shapes:
        points = side * (outline @ matrix.T + place)
        draw.polygon([(x, y) for x, y in points.tolist()], fill=colour)
    return np.asarray(picture.reduce(_FINER))


def _ground_and_sky(rng: np.random.Generator, horizon: float, side: int) -> UInt8[np.ndarray, "side side 3"]:
    high = np.array([rng.uniform(60, 150), rng.uniform(120, 180), rng.uniform(190, 245)])
    low = np.array([rng.uniform(190, 250), rng.uniform(190, 225), rng.uniform(190, 235)])
    edge = int(horizon * side)
    rows = np.empty((side, 1, 3))
    rows[:edge, 0] = high + (low - high) * np.arange(edge)[:, None] / edge
    green, sand = np.array([70.0, 130.0, 50.0]), np.array([190.0, 165.0, 105.0])
    rows[edge:] = green + (sand - green) * rng.beta(0.6, 1.2) + rng.uniform(-15, 15, 3)
    return np.broadcast_to(np.clip(rows, 0, 255).astype(np.uint8), (side, side, 3))


def _bird(rng: np.random.Generator) -> _Shapes:
    plumage = rng.choice([[40, 40, 50], [240, 240, 240], [170, 60, 50], [40, 80, 150], [110, 75, 50]])
    body = _colour(plumage + rng.uniform(-20, 20, 3))
    near, far = (_colour(shade * np.array(body) + 12) for shade in (0.8, 0.6))
    # Wings up or down, in one beat.
    lift = rng.uniform(0.55, 1.0) * rng.choice([-1.0, 1.0], p=[0.75, 0.25])
    return [
        (_points((0.1, 0.0), (0.35, 0.0), (0.45, 0.9 * lift), (0.2, 0.75 * lift)), far),
        (_points((-0.4, -0.05), (-1.0, -0.22), (-0.9, 0.0), (-1.0, 0.18), (-0.4, 0.12)), near),
        (_ellipse(0.0, 0.05, 0.55, 0.2), body),
        (_ellipse(0.55, -0.08, 0.19, 0.17), body),
        (_points((0.7, -0.14), (0.98, -0.03), (0.7, 0.02)), (235, 170, 50)),
        (_points((-0.25, 0.05), (0.25, 0.0), (0.0, 0.8 * lift), (-0.5, lift)), near),
    ]


def _horse(rng: np.random.Generator) -> _Shapes:
    coat = rng.choice([[110, 65, 35], [60, 40, 30], [165, 115, 70], [225, 220, 210], [45, 42, 45]])
    body = _colour(coat + rng.uniform(-15, 15, 3))
    dark = _colour(0.55 * np.array(body))
    far = _colour(0.75 * np.array(body))
    stride = rng.uniform(-0.25, 0.25, 4)
    nod = rng.uniform(-0.12, 0.2)
    legs = [_leg(x, step) for x, step in zip((-0.5, 0.3, -0.38, 0.42), stride, strict=True)]
    head, muzzle = (0.72, -0.78 + nod), (1.0, -0.52 + nod)
    return [
        *((leg, far) for leg in legs[:2]),
        (_points((-0.5, -0.2), (-0.8, -0.1), (-0.9, 0.35), (-0.78, 0.4), (-0.55, 0.0)), dark),
        *((leg, body) for leg in legs[2:]),
        (_ellipse(-0.05, -0.05, 0.58, 0.28), body),
        (_points((0.2, -0.2), (0.55, -0.85 + nod), (0.8, -0.7 + nod), (0.52, 0.12)), body),
        (_points((0.1, -0.25), (0.5, -0.95 + nod), (0.6, -0.85 + nod), (0.32, -0.2)), dark),
        (_points((0.55, -0.88 + nod), head, muzzle, (0.92, -0.4 + nod), (0.6, -0.6 + nod)), body),
        (_points((0.56, -0.85 + nod), (0.62, -1.05 + nod), (0.7, -0.82 + nod)), body),
    ]


def _leg(x: float, step: float) -> Float[np.ndarray, "n 2"]:
    knee, hoof = x + 0.6 * step, x + step
    return _points(
        (x - 0.1, 0.05),
        (x + 0.1, 0.05),
        (knee + 0.06, 0.5),
        (hoof + 0.08, 0.9),
        (hoof - 0.06, 0.9),
        (knee - 0.06, 0.5),
    )


def _house(rng: np.random.Generator) -> _Shapes:
    wall = _colour(np.array([205.0, 190.0, 165.0]) + rng.uniform(-45, 45, 3))
    roof = _colour(rng.choice([[165, 60, 45], [90, 60, 50], [75, 80, 95]]) + rng.uniform(-15, 15, 3))
    pane = _colour(rng.choice([[250, 225, 130], [80, 110, 140]]) + rng.uniform(-15, 15, 3))
    width, eaves, ridge = rng.uniform(0.6, 0.85), rng.uniform(-0.2, 0.0), rng.uniform(-0.95, -0.65)
    door, pipe = rng.uniform(-0.25, 0.25) * width, 0.5 * width
    windows = [door + side * 0.5 * width for side in (-1, 1)]
    return [
        (_box(pipe - 0.09, ridge, pipe + 0.09, eaves), _colour(0.8 * np.array(roof))),
        (_box(-width, eaves, width, 0.9), wall),
        (_points((-width - 0.12, eaves), (0.0, ridge), (width + 0.12, eaves)), roof),
        (_box(door - 0.13, 0.35, door + 0.13, 0.9), _colour(0.6 * np.array(roof))),
        *((_box(x - 0.12, 0.2, x + 0.12, 0.5), pane) for x in windows),
    ]


def _points(*corners: tuple[float, float]) -> Float[np.ndarray, "n 2"]:
    return np.array(corners, np.float64)


def _box(left: float, top: float, right: float, bottom: float) -> Float[np.ndarray, "4 2"]:
    return _points((left, top), (right, top), (right, bottom), (left, bottom))


def _ellipse(x: float, y: float, width: float, height: float) -> Float[np.ndarray, "n 2"]:
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1)


def _colour(values: Float[np.ndarray, "3"]) -> _Colour:
    red, green, blue = np.clip(values, 0, 255).astype(int).tolist()
    return red, green, blue
