"""Images as data sets have them, uint8, and as networks do, float in [0, 1]."""

from typing import Any, TypeVar

import numpy as np
from jaxtyping import Array, Float, UInt8

Images = Float[Array | np.ndarray, "n h w c"] | UInt8[Array | np.ndarray, "n h w c"]
_Array = TypeVar("_Array", bound=Array | np.ndarray)


def as_floats(images: Float[_Array, "*n h w c"] | UInt8[_Array, "*n h w c"]) -> Float[_Array, "*n h w c"]:
    """Brings images to [0, 1].

    Args:
        images: uint8, or float in [0, 1].

    Returns:
        The same, floating point, and of NumPy or of JAX as they were.
    """
    scaled: Any = images.astype(np.float32) / 255 if images.dtype == np.uint8 else images
    return scaled
