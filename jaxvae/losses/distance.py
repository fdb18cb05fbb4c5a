"""Distances between images, summed over pixels and channels.

Images are [n, height, width, channels] in [0, 1]. Distances are in squared or absolute intensities. Up to a constant
they are negative log likelihoods: of a Gaussian with variance 1/2, and of a Laplace distribution with scale 1.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images
from jaxvae.losses.likelihood import pixel_sum
from jaxvae.types import Batch, Output, Term


@in_float32
def squared_error(a: Float[Array, "n h w c"], b: Float[Array, "n h w c"]) -> Float[Array, " n"]:
    """Squared Euclidean distance.

    Args:
        a: [n, h, w, c].
        b: [n, h, w, c].

    Returns:
        [n], squared intensities summed over pixels.

    Raises:
        ValueError: a and b are not floating-point images, or differ in shape.
    """
    check_float_images("squared_error", a=a, b=b)
    return pixel_sum(jnp.square(a - b))


@in_float32
def absolute_error(a: Float[Array, "n h w c"], b: Float[Array, "n h w c"]) -> Float[Array, " n"]:
    """L1 distance.

    Args:
        a: [n, h, w, c].
        b: [n, h, w, c].

    Returns:
        [n], intensities summed over pixels.

    Raises:
        ValueError: a and b are not floating-point images, or differ in shape.
    """
    check_float_images("absolute_error", a=a, b=b)
    return pixel_sum(jnp.abs(a - b))


DISTANCES: Mapping[str, Callable[[Array, Array], Array]] = {
    "squared": squared_error,
    "absolute": absolute_error,
}
"""Distances by name."""


def distance(kind: str) -> Term:
    """Term: distance between the mean image sigmoid(logits) and the image.

    Args:
        kind: "squared" or "absolute".

    Returns:
        Term with [n], a sum over pixels.

    Raises:
        ValueError: the kind is unknown.
    """
    if kind not in DISTANCES:
        raise ValueError(f"distance must be one of {', '.join(DISTANCES)}, got {kind!r}.")
    measure = DISTANCES[kind]

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        return measure(jax.nn.sigmoid(output.logits), batch.image)

    return term
