"""The data set "drawn_faces": faces drawn one by one, each by its seed and number alone."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from jaxvae.data.cache import digest
from jaxvae.data.dataset import Dataset
from jaxvae.data.decoded import Example, Kind, keep
from jaxvae.data.faces import around, hair, head
from jaxvae.data.faces.canvas import Canvas
from jaxvae.data.faces.traits import ATTRIBUTES, Traits, draw_traits
from jaxvae.data.threads import in_parallel

NAME = "drawn_faces"

SIZES = (32, 256)
"""Smallest and largest side of a picture, in pixels; in smaller ones a frown or a pair of lips cannot be seen."""

COUNTS = {"train": 20_000, "test": 2_000}
"""Number of faces in each split."""

_LAYERS = (
    hair.draw_hair_behind,
    around.draw_body,
    head.draw_skin,
    head.draw_nose,
    hair.draw_beard,
    head.draw_mouth,
    head.draw_eyes,
    around.draw_glasses,
    hair.draw_hair,
    around.draw_hat,
)


def draw_face(number: int, *, seed: int = 0, image_size: int = 64) -> Example:
    """Draws one face.

    Attributes are independent of each other, but for what cannot be seen together: the colours of hair exclude each
    other, a bald head has no hair of any colour, no long hair and no bangs, and a hat hides bangs.

    Args:
        number: of the face, at least 0.
        seed: of the set that it belongs to, at least 0; "train" is 0 and "test" is 1.
        image_size: side in pixels, in [32, 256]; the scene does not depend on it.

    Returns:
        The picture, no label, and which of `ATTRIBUTES` the face has.

    Raises:
        ValueError: the size is out of range.
    """
    check_size(image_size)
    traits = draw_traits(np.random.default_rng([seed, number]))
    values = np.array([traits.attributes[name] for name in ATTRIBUTES])
    return Example(picture(traits, image_size), -1, values)


def picture(traits: Traits, size: int) -> UInt8[np.ndarray, "size size 3"]:
    """Draws a face that is known.

    Args:
        traits: the face.
        size: side in pixels.

    Returns:
        The picture.
    """
    n = traits.numbers
    canvas = Canvas(
        size,
        centre=(0.5 + 0.06 * n["x"], 0.48 + 0.035 * n["y"]),
        scale=0.355 + 0.045 * n["scale"],
        roll=0.16 * n["roll"],
        yaw=0.3 * n["yaw"],
        pitch=0.16 * n["pitch"],
    )
    corners = [traits.colours[name] for name in ("top_left", "top_right", "low_left", "low_right")]
    canvas.background(corners, traits.lights, blur=0.02 + 0.012 * n["focus"])
    for layer in _LAYERS:
        layer(canvas, traits)
    return canvas.finished()


def draw_faces(*, split: str, image_size: int, limit: int | None = None) -> Dataset:
    """Draws the data set "drawn_faces", or maps it from the user's cache.

    Args:
        split: "train" (20,000 faces) or "test" (2,000); no face is in both.
        image_size: side of the pictures in pixels, in [32, 256]; the scenes do not depend on it.
        limit: draw only the first `limit` faces, or all if there are fewer; at least 1.

    Returns:
        The data set, without classes, with the attributes `ATTRIBUTES`.

    Raises:
        ValueError: the size is out of range.
        DataError: the cache cannot be written to.
    """
    check_size(image_size)
    count, seed = COUNTS[split], list(COUNTS).index(split)
    count = count if limit is None else min(count, limit)
    draw = partial(draw_face, seed=seed, image_size=image_size)
    examples = in_parallel(draw, range(count), total=count, title=f"{NAME}: drawing", unit=" faces")
    key = digest(NAME, _program(), seed, count, image_size)
    return keep(key, examples, Kind(NAME, attribute_names=ATTRIBUTES))[0]


def check_size(size: int) -> None:
    """Refuses pictures in which an attribute could not be seen.

    Args:
        size: side in pixels.

    Raises:
        ValueError: it is out of range.
    """
    smallest, largest = SIZES
    if not smallest <= size <= largest:
        reason = "; smaller ones do not show whether a face frowns" if size < smallest else ""
        raise ValueError(
            f"{NAME} has pictures of {smallest} to {largest} pixels a side, got image_size {size}{reason}."
        )


def _program() -> str:
    """Digest of what draws, so that pictures of another version are not taken for those of this one."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
