"""Picture files of a folder as one array."""

import os
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from jaxvae.data.dataset import DataError

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Of files that are taken for pictures, in small or capital letters."""


def read_pictures(
    folder: str | os.PathLike[str], *, limit: int | None = None
) -> UInt8[np.ndarray, "n h w 3"]:
    """Reads the pictures in a folder and the folders below it.

    Args:
        folder: where they are.
        limit: read only the first `limit`, in the order of their paths.

    Returns:
        RGB images in the order of their paths.

    Raises:
        DataError: the folder cannot be read, holds no picture or a damaged one, or pictures of different sizes.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(
            f"{root} must be a folder of pictures, and is {'a file' if root.exists() else 'not there'}."
        )
    try:
        paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in ENDINGS)[:limit]
        next(root.iterdir(), None)  # rglob passes over what it may not read
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error.strerror or error}.") from None
    if not paths:
        raise DataError(f"{root} holds no picture; known are files ending in {', '.join(ENDINGS)}.")
    images = [_read(path) for path in paths]
    for path, image in zip(paths, images, strict=True):
        if image.shape != images[0].shape:
            raise DataError(
                f"pictures in {root} must be of one size, but {paths[0].name} has {images[0].shape[:2]} pixels and "
                f"{path.name} {image.shape[:2]}; bring them to one size first."
            )
    return np.stack(images)


def _read(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        why = "" if isinstance(error, UnidentifiedImageError) else f" ({' '.join(str(error).split())})"
        raise DataError(f"{path} is no picture that can be read{why}; mend or remove it.") from None
