"""How different images of one set are from each other, and how alike attributes are; rows are [n, d]."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_BLOCK_SIZE = 128


def diversity(features: Float[Array, "n d"]) -> Float[Array, ""]:
    """Mean distance of all pairs; near 0 where a generator has collapsed to one image.

    Args:
        features: [n, d], n >= 2, of images, in a space where distance means difference.

    Returns:
        Scalar in the units of the features.

    Raises:
        ValueError: fewer than two.
    """
    n = len(features)
    if n < 2:
        raise ValueError(f"diversity needs at least two images, got {n}.")

    def distances(point: Float[Array, " d"]) -> Float[Array, ""]:
        squared = jnp.sum(jnp.square(features - point[None]), axis=1)
        return jnp.sum(jnp.sqrt(squared))

    return jnp.sum(jax.lax.map(distances, features, batch_size=_BLOCK_SIZE)) / (n * (n - 1))


def attribute_similarity(predicted: Float[Array, "n k"], wanted: Float[Array, "n k"]) -> Float[Array, " n"]:
    """Cosine of predicted and wanted attributes, both brought from [0, 1] to [-1, 1].

    Args:
        predicted: [n, k], probabilities that a classifier gives to attributes.
        wanted: [n, k], those that the images should have, 0 or 1.

    Returns:
        [n], in [-1, 1].

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, section 4.2, which
        compares predictions with the attributes of Labeled Faces in the Wild.
    """
    a, b = 2 * predicted - 1, 2 * wanted - 1
    lengths = jnp.linalg.norm(a, axis=1) * jnp.linalg.norm(b, axis=1)
    return jnp.sum(a * b, axis=1) / jnp.maximum(lengths, 1e-12)
