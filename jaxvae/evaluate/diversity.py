"""How different images of one set are from each other, and how alike attributes are; features are [n, d]."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

_BLOCK_SIZE = 128
_SIDE = 8


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


def distinctness(images: Float[Array, "n h w c"]) -> Float[Array, ""]:
    """Median distance of an image to the one that is most like it; near 0 where a generator has only a few images.

    A generator that repeats a few images, or one for each label, may well have the data's `diversity`: most pairs are
    of different ones. Images are compared at 8 x 8 pixels, which neither faint noise keeps apart nor
    blur brings together, as a generator's images are blurred. Features of a classifier would only show what its
    classes need.

    Args:
        images: [n, h, w, c], n >= 2. More images lie closer to each other: compare sets of one size.

    Returns:
        Euclidean distance over those pixels and channels, in the units of the images.

    Raises:
        ValueError: fewer than two.
    """
    n = len(images)
    if n < 2:
        raise ValueError(f"distinctness needs at least two images, got {n}.")
    shape = (n, min(images.shape[1], _SIDE), min(images.shape[2], _SIDE), images.shape[3])
    small = jax.image.resize(images, shape, "linear").reshape(n, -1)

    def nearest(place: Int[Array, ""]) -> Float[Array, ""]:
        squared = jnp.sum(jnp.square(small - small[place][None]), axis=1)
        return jnp.sqrt(jnp.min(squared.at[place].set(jnp.inf)))

    return jnp.median(jax.lax.map(nearest, jnp.arange(n), batch_size=_BLOCK_SIZE))


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
