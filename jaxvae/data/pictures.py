"""Picture files decoded to RGB, uint8 in [0, 255], [height, width, 3]."""

import io
import os
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from jaxvae.data.contents import read_regular
from jaxvae.data.dataset import DataError
from jaxvae.data.walk import find_pictures

SMALLEST = 8
"""Smallest side of a picture that `square` accepts, in pixels."""


def read_pictures(
    folder: str | os.PathLike[str], *, limit: int | None = None
) -> UInt8[np.ndarray, "n h w 3"]:
    """Reads the pictures in a folder and its subfolders as `read_folder` does, without cropping and resizing.

    Args:
        folder: folder to search.
        limit: read only the first `limit` pictures in the order of their paths.

    Returns:
        RGB images in the order of their paths.

    Raises:
        DataError: the folder cannot be read, holds no pictures or a damaged one, or the pictures differ in size.
    """
    paths = find_pictures(folder)[:limit]
    images = [_read(path) for path in paths]
    for path, image in zip(paths, images, strict=True):
        if image.shape != images[0].shape:
            raise DataError(
                f"pictures in {folder} must have one size, but {paths[0].name} has {images[0].shape[:2]} pixels and "
                f"{path.name} {image.shape[:2]}; resize them first."
            )
    return np.stack(images)


def upright(picture: Image.Image) -> Image.Image:
    """Rotates a picture upright and converts it to RGB of 8 bits.

    Grey, palette and CMYK pictures become RGB; transparent pixels become white. Grey pictures of 32 bits do not define
    their white, so the largest value decides: white is 1 for floats up to 1, 255 for other values up to 255, and
    otherwise 65535, as for 16 bits. Larger values are clipped.

    Args:
        picture: an open picture of any mode and orientation.

    Returns:
        The whole picture.

    Raises:
        Exception: any error of Pillow for a damaged picture.
    """
    return _to_rgb(ImageOps.exif_transpose(picture))


def square(picture: Image.Image, size: int, *, crop: int | None = None) -> UInt8[np.ndarray, "size size 3"]:
    """Makes a picture `upright`, crops its central square and resizes that without aliasing.

    Args:
        picture: an open picture of any mode and orientation.
        size: side of the result in pixels, at least 1.
        crop: side of the cropped square; the picture's shorter side if None or if that is less.

    Returns:
        The image; a picture that is already a square of `size` keeps its pixels.

    Raises:
        ValueError: a side has fewer than `SMALLEST` pixels.
        Exception: any error of Pillow for a damaged picture.
    """
    width, height = picture.size
    if min(width, height) < SMALLEST:
        raise ValueError(f"{width} x {height} pixels, expected at least {SMALLEST} x {SMALLEST}")
    picture = upright(picture)
    width, height = picture.size
    side = min(width, height, crop or width)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    # Pillow widens the cubic kernel by the factor of reduction, which prevents aliasing.
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC, box=box))


def as_stored(picture: Image.Image, *, channels: int) -> UInt8[np.ndarray, "h w channels"]:
    """Decodes a picture with its colours as in `upright`, but not turned.

    Args:
        picture: an open picture of any mode.
        channels: 3 for RGB, 1 for grey.

    Returns:
        The image.

    Raises:
        Exception: any error of Pillow for a damaged picture.
    """
    if picture.mode == "L" and channels == 1 and "transparency" not in picture.info:
        return np.asarray(picture)[..., None]
    picture = _to_rgb(picture)
    return np.asarray(picture) if channels == 3 else np.asarray(picture.convert("L"))[..., None]


def reason(error: Exception) -> str:
    """Says in one line why a picture could not be read.

    Args:
        error: exception raised on reading it.

    Returns:
        A few words.
    """
    if isinstance(error, UnidentifiedImageError):
        return "no picture that Pillow reads"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode[0] in "IF":  # 16 or 32 bits, which Pillow would clip at 255
        picture = _to_grey(picture)
    if "A" in picture.getbands() or "transparency" in picture.info:
        opaque = Image.new("RGBA", picture.size, "white")
        opaque.alpha_composite(picture.convert("RGBA"))
        picture = opaque
    return picture.convert("RGB")


def _to_grey(picture: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(picture, np.float64))
    white = 65535
    if picture.mode == "F" and values.max() <= 1:
        white = 1
    elif picture.mode in ("F", "I") and values.max() <= 255:
        white = 255
    return Image.fromarray(np.rint(255 * np.clip(values / white, 0, 1)).astype(np.uint8))


def _read(path: Path) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(read_regular(path))) as picture:
            return np.asarray(upright(picture))
    # Every decoder of Pillow has its own exceptions for damaged files.
    except Exception as error:
        raise DataError(f"{path} is not a readable picture ({reason(error)}); repair or remove it.") from None
