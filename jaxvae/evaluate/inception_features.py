"""Features of images in the Inception network.

Images are [n, height, width, channels], uint8 in [0, 255] or float in [0, 1], of one channel or three.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from jaxvae.evaluate.inception import SIZE, InceptionV3
from jaxvae.evaluate.inception_weights import Inception
from jaxvae.evaluate.resize import RESIZES
from jaxvae.images import extent
from jaxvae.screen import Bar
from jaxvae.types import Variables

Images: TypeAlias = Float[Array | np.ndarray, "n h w c"] | UInt8[Array | np.ndarray, "n h w c"]
Precision: TypeAlias = Literal["float32", "bfloat16"]

_BATCH_SIZE = {"cpu": 4}
_LARGE_BATCH = 256


def inception_features(
    inception: Inception,
    images: Images,
    *,
    resize: str = "bilinear",
    precision: Precision = "float32",
    batch_size: int | None = None,
    progress: bool = True,
) -> Float[np.ndarray, "n 2048"]:
    """Computes the features that FID and KID compare.

    A single channel is repeated three times. Float images are not rounded to 8 bits.

    Args:
        inception: the network's weights.
        images: n images, uint8 in [0, 255] or float in [0, 1].
        resize: name of the method that resizes images to 299 x 299, one of `RESIZES`.
        precision: what the operands of convolutions are rounded to.
        batch_size: images at a time; None means 4 on CPU, 256 elsewhere. It does not change the result.
        progress: whether to show a progress bar.

    Returns:
        Features, at least 0.

    Raises:
        ValueError: images out of range, a number of channels other than 1 and 3, or an unknown method.
    """
    check_images(images)
    if resize not in RESIZES:
        raise ValueError(f"Unknown resize {resize!r}; known are {', '.join(RESIZES)}.")
    size = min(batch_size or _BATCH_SIZE.get(jax.default_backend(), _LARGE_BATCH), max(len(images), 1))
    compute = _program(resize, precision)
    parts = []
    with Bar(total=len(images), unit="img", desc="Inception", disable=not progress) as bar:
        for start in range(0, len(images), size):
            piece = images[start : start + size]
            padding = jnp.zeros((size - len(piece), *piece.shape[1:]), piece.dtype)
            features = compute(inception.variables, jnp.concatenate([jnp.asarray(piece), padding]))
            parts.append(np.asarray(features)[: len(piece)])
            bar.update(len(piece))
    return np.concatenate(parts)


def check_images(images: Images) -> None:
    """Checks that features of images can be computed.

    Args:
        images: [n, height, width, channels].

    Raises:
        ValueError: no image, images out of range, or a number of channels other than 1 and 3.
    """
    if not len(images):
        raise ValueError("there must be at least 1 image, got none.")
    if images.shape[-1] not in (1, 3):
        raise ValueError(f"images must have 1 or 3 channels, got {images.shape[-1]}.")
    if images.dtype != np.uint8 and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"images must be uint8 or float in [0, 1], got {images.dtype} {extent(images)}.")


@functools.cache
def _program(resize: str, precision: Precision) -> Callable[[Variables, Any], Float[Array, "n 2048"]]:
    network = InceptionV3(dtype=jnp.dtype(precision))

    @jax.jit
    def features(variables: Variables, images: Any) -> Float[Array, "n 2048"]:
        values = images.astype(jnp.float32)
        values = values if images.dtype == jnp.uint8 else values * 255
        values = RESIZES[resize](values, SIZE)
        shape = (*values.shape[:3], 3)
        out: Any = network.apply(variables, (jnp.broadcast_to(values, shape) - 128) / 128)
        return out

    return features
