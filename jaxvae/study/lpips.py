"""LPIPS of pairs of images: the networks of `models` and the distance of `losses`, joined."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from jaxvae import losses, models
from jaxvae.images import Images, as_floats
from jaxvae.models import PerceptualWeights

_Partners = Float[Array | np.ndarray, "m _ _ _"] | UInt8[Array | np.ndarray, "m _ _ _"]
_PIECE = 32


def lpips(a: Images, b: _Partners, *, weights: PerceptualWeights | None = None) -> Float[np.ndarray, " n"]:
    """Learned perceptual distance of each image of one set to its partner in the other, by VGG16.

    Args:
        a: uint8 in [0, 255] or float in [0, 1], of one channel or three, sides of at least 16 pixels.
        b: as many images of the same shape.
        weights: of the network; `jaxvae.models.load_vgg16()` if not given.

    Returns:
        One distance for each pair; 0 for equal images.

    Raises:
        ValueError: sets of different shapes, images that the network does not take, or no weights.

    References:
        Zhang, Isola, Efros, Shechtman & Wang, The Unreasonable Effectiveness of Deep Features as a Perceptual Metric,
        CVPR 2018.
    """
    if a.shape != b.shape or not len(a):
        raise ValueError(f"LPIPS compares images pair by pair, got shapes {a.shape} and {b.shape}.")
    weights = weights or models.load_vgg16()
    distance = _program()
    starts = range(0, len(a), _PIECE)
    pieces = ((as_floats(jnp.asarray(x[start : start + _PIECE])) for x in (a, b)) for start in starts)
    return np.concatenate([distance(weights.variables, weights.heads, *pair) for pair in pieces])


@cache
def _program() -> Any:
    network = models.VGG16()

    @jax.jit
    def distance(variables: Any, heads: Any, a: Any, b: Any) -> Float[Array, " n"]:
        with jax.default_matmul_precision("highest"):
            first: Any = network.apply(variables, a)
            second: Any = network.apply(variables, b)
        return losses.lpips_distance(first, second, heads)

    return distance
