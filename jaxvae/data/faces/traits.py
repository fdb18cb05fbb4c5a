"""What a face is like before it is drawn: its attributes, and everything about it that varies continuously."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

ATTRIBUTES = (
    "Bald",
    "Bangs",
    "Beard",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Eyeglasses",
    "Frowning",
    "Gray_Hair",
    "Long_Hair",
    "Mustache",
    "Pale_Skin",
    "Rosy_Cheeks",
    "Smiling",
    "Wearing_Hat",
    "Wearing_Lipstick",
)
"""Names of the attributes; those that CelebA has too are spelt as there."""

Colour = tuple[float, float, float]
"""Red, green and blue in [0, 255]."""

_SHARES = {
    "Beard": 0.25,
    "Eyeglasses": 0.3,
    "Frowning": 0.3,
    "Mustache": 0.25,
    "Pale_Skin": 0.35,
    "Rosy_Cheeks": 0.3,
    "Smiling": 0.5,
    "Wearing_Hat": 0.2,
    "Wearing_Lipstick": 0.3,
}
"""How frequent the attributes are that do not depend on others."""

_HAIR: Mapping[str, tuple[Colour, Colour]] = {
    "Black_Hair": ((18.0, 16.0, 20.0), (48.0, 42.0, 44.0)),
    "Blond_Hair": ((205.0, 160.0, 80.0), (242.0, 214.0, 138.0)),
    "Brown_Hair": ((84.0, 50.0, 28.0), (124.0, 78.0, 46.0)),
    "Gray_Hair": ((150.0, 150.0, 152.0), (214.0, 214.0, 218.0)),
    "red": ((150.0, 52.0, 20.0), (196.0, 84.0, 38.0)),
}
"""The ends of the range of each colour of hair; red hair has no attribute."""

_PALE: tuple[Colour, Colour] = ((240.0, 208.0, 186.0), (250.0, 226.0, 208.0))
_SKINS: tuple[Colour, ...] = (
    (214.0, 164.0, 126.0),
    (190.0, 134.0, 96.0),
    (146.0, 96.0, 66.0),
    (98.0, 64.0, 46.0),
)


@dataclass(frozen=True)
class Traits:
    """A face.

    Attributes:
        attributes: whether it has each attribute.
        skin: its colour.
        hair: colour of hair, brows and beard.
        numbers: everything else, each between -1 and 1, by name.
        colours: of eyes, clothes, hat, frame and the corners of the background.
        lights: (x, y, radius) of those in the background, in the picture's coordinates from 0 to 1.
    """

    attributes: Mapping[str, bool]
    skin: Colour
    hair: Colour
    numbers: Mapping[str, float]
    colours: Mapping[str, Colour]
    lights: tuple[tuple[float, float, float], ...]


NUMBERS = (
    *("yaw", "pitch", "roll", "x", "y", "scale"),
    *("width", "jaw", "chin", "ears", "forehead"),
    *("eye_size", "eye_gap", "eye_tilt", "gaze_x", "gaze_y", "brow_height", "brow_weight"),
    *("nose_length", "nose_width", "mouth_width", "mouth_height", "lips", "teeth"),
    *("hair_volume", "hair_length", "wave", "phase", "parting", "fringe", "beard_length", "mustache_width"),
    *("shoulders", "collar", "hat_kind", "brim", "frame_shape", "frame_size", "light", "focus"),
)
"""Names of what varies continuously."""


def draw_traits(rng: np.random.Generator) -> Traits:
    """Draws what a face is like.

    Args:
        rng: the source of randomness; the same state gives the same face.

    Returns:
        The face.
    """
    has = {name: bool(rng.random() < share) for name, share in _SHARES.items()}
    bald, long, bangs = (bool(rng.random() < share) for share in (0.15, 0.45, 0.4))
    colour = str(rng.choice(list(_HAIR), p=[0.24, 0.24, 0.24, 0.16, 0.12]))
    hair = _between(rng, *_HAIR[colour])
    has |= {name: name == colour and not bald for name in _HAIR if name != "red"}
    has |= {
        "Bald": bald,
        "Long_Hair": long and not bald,
        "Bangs": bangs and not bald and not has["Wearing_Hat"],
    }
    return Traits(
        attributes={name: has[name] for name in ATTRIBUTES},
        skin=_between(rng, *_PALE) if has["Pale_Skin"] else _along(rng, _SKINS),
        hair=hair,
        numbers=dict(zip(NUMBERS, _numbers(rng), strict=True)),
        colours={
            "eyes": _along(
                rng, ((60.0, 36.0, 20.0), (110.0, 74.0, 36.0), (70.0, 110.0, 66.0), (74.0, 128.0, 178.0))
            ),
            **{name: _vivid(rng) for name in ("clothes", "hat", "frame")},
            **{name: _pastel(rng) for name in ("top_left", "top_right", "low_left", "low_right")},
        },
        lights=tuple((x, y, 0.18 * radius) for x, y, radius in rng.random((rng.integers(9), 3)).tolist()),
    )


def _numbers(rng: np.random.Generator) -> list[float]:
    return np.clip(rng.normal(0, 0.5, len(NUMBERS)), -1, 1).tolist()


def _between(rng: np.random.Generator, one: Colour, other: Colour) -> Colour:
    return mix(one, other, float(rng.random()))


def _along(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    place = float(rng.random()) * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    return mix(colours[first], colours[first + 1], place - first)


def _vivid(rng: np.random.Generator) -> Colour:
    red, green, blue = (rng.uniform(30, 200) + rng.uniform(-60, 60, 3)).clip(16, 230).tolist()
    return red, green, blue


def _pastel(rng: np.random.Generator) -> Colour:
    red, green, blue = (rng.uniform(70, 235) + rng.uniform(-45, 45, 3)).clip(40, 245).tolist()
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Mixes two colours.

    Args:
        one: the first.
        other: the second.
        share: of the second, in [0, 1].

    Returns:
        The colour between them.
    """
    red, green, blue = (a + share * (b - a) for a, b in zip(one, other, strict=True))
    return red, green, blue
