"""Images as data sets store them, uint8 in [0, 255], and as networks take them, float in [0, 1]."""

from typing import Any, TypeAlias, TypeVar

import numpy as np
from jaxtyping import Array, Float, UInt8

Images: TypeAlias = Float[Array | np.ndarray, "_ _ _ _"] | UInt8[Array | np.ndarray, "_ _ _ _"]
"""[n, height, width, channels], float in [0, 1] or uint8 in [0, 255]; sizes may differ between two arguments."""

_Array = TypeVar("_Array", bound=Array | np.ndarray)


def as_floats(images: Float[_Array, "*n h w c"] | UInt8[_Array, "*n h w c"]) -> Float[_Array, "*n h w c"]:
    """Converts images to floating point in [0, 1].

    Args:
        images: uint8, or float in [0, 1].

    Returns:
        The same images as floats, a NumPy or a JAX array like the argument.
    """
    scaled: Any = images.astype(np.float32) / 255 if images.dtype == np.uint8 else images
    return scaled


def extent(images: Float[Array | np.ndarray, "..."]) -> str:
    """Says which values images have, with as many digits as tell them from their neighbours.

    Args:
        images: at least one pixel.

    Returns:
        "from LEAST to GREATEST".
    """
    ends: list[Any] = [np.asarray(end)[()] for end in (images.min(), images.max())]
    least, greatest = (np.format_float_positional(end, trim="-") for end in ends)
    return f"from {least} to {greatest}"
