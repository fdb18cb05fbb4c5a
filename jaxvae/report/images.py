"""Galleries of images.

Images are NHWC with 1 or 3 channels, uint8 or floating point in [0, 1]. Every pixel of an image becomes a square of
whole PNG pixels; nothing is interpolated.
"""

import numpy as np
from jaxtyping import UInt8

from jaxvae.images import Images


def image_grid(
    images: Images, *, columns: int, padding: int = 1, scale: int = 1
) -> UInt8[np.ndarray, "height width 3"]:
    """Arranges images in rows, left to right and top to bottom, on white.

    Args:
        images: [n, h, w, c], uint8 or in [0, 1].
        columns: images per row; fewer if there are fewer images.
        padding: white pixels between neighbours, before scaling.
        scale: side of the square that each pixel becomes.

    Returns:
        [scale * (rows * (h + padding) - padding), scale * (columns * (w + padding) - padding), 3], uint8.

    Raises:
        ValueError: no images, a value outside [0, 1], channels other than 1 or 3, or a size that is not positive.
    """
    if columns < 1 or padding < 0 or scale < 1:
        raise ValueError(
            f"image_grid needs columns >= 1, padding >= 0, scale >= 1, got {columns}, {padding}, {scale}."
        )
    if not len(images):
        raise ValueError(f"image_grid needs at least one image, got shape {images.shape}.")
    pixels = _rgb(np.asarray(images))
    n, h, w, _ = pixels.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    cells = np.full((rows * columns, h + padding, w + padding, 3), 255, np.uint8)
    cells[:n, :h, :w] = pixels
    sheet = cells.reshape(rows, columns, h + padding, w + padding, 3).swapaxes(1, 2)
    sheet = sheet.reshape(rows * (h + padding), columns * (w + padding), 3)
    sheet = sheet[: len(sheet) - padding, : sheet.shape[1] - padding]
    return sheet.repeat(scale, axis=0).repeat(scale, axis=1)


def _rgb(images: np.ndarray) -> np.ndarray:
    if images.shape[-1] not in (1, 3):
        raise ValueError(f"images must have 1 or 3 channels last, got shape {images.shape}.")
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
        # One rounding step of bfloat16 beyond the range is not the caller's mistake.
        if not (images.min() >= -0.01 and images.max() <= 1.01):
            raise ValueError(
                f"images must be in [0, 1], got [{images.min():g}, {images.max():g}]; pass means, not logits."
            )
        images = np.rint(images.clip(0, 1) * 255).astype(np.uint8)
    return np.broadcast_to(images, (*images.shape[:-1], 3))
