"""Diversity of a set of images, and similarity of predicted and wanted attributes. Features are [n, d]."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images, check_same_shape

_BLOCK_SIZE = 128
_SIDE = 8


@in_float32
def diversity(features: Float[Array, "n d"]) -> Float[Array, ""]:
    """Mean distance over all pairs; near 0 if a generator has collapsed to one image.

    Args:
        features: [n, d], n >= 2, features of images whose distance measures how different two images are.

    Returns:
        Scalar in the units of the features.

    Raises:
        ValueError: fewer than two images.
    """
    n = len(features)
    if n < 2:
        raise ValueError(f"diversity needs at least two images, got {n}.")

    def distances(point: Float[Array, " d"]) -> Float[Array, ""]:
        squared = jnp.sum(jnp.square(features - point[None]), axis=1)
        return jnp.sum(jnp.sqrt(squared))

    return jnp.sum(jax.lax.map(distances, features, batch_size=_BLOCK_SIZE)) / (n * (n - 1))


@in_float32
def distinctness(images: Float[Array, "n h w c"]) -> Float[Array, ""]:
    """Median distance of an image to its nearest other image; near 0 if a generator repeats a few images.

    A generator that repeats a few images, or has one for each label, can still match the data's `diversity`, since most
    pairs are of different images. Images are compared at 8 x 8 pixels, where faint noise hardly increases distances and
    blur, as in a generator's images, hardly decreases them. Features of a classifier would only show differences that
    matter to its classes.

    Args:
        images: [n, h, w, c], n >= 2. In larger sets nearest images are closer: compare sets of the same size.

    Returns:
        Euclidean distance over those pixels and channels, in the units of the images.

    Raises:
        ValueError: the images are not floating-point images, or fewer than two.
    """
    check_float_images("distinctness", images=images)
    n = len(images)
    if n < 2:
        raise ValueError(f"distinctness needs at least two images, got {n}.")
    shape = (n, min(images.shape[1], _SIDE), min(images.shape[2], _SIDE), images.shape[3])
    small = jax.image.resize(images, shape, "linear").reshape(n, -1)

    def to_nearest(position: Int[Array, ""]) -> Float[Array, ""]:
        squared = jnp.sum(jnp.square(small - small[position][None]), axis=1)
        return jnp.sqrt(jnp.min(squared.at[position].set(jnp.inf)))

    return jnp.median(jax.lax.map(to_nearest, jnp.arange(n), batch_size=_BLOCK_SIZE))


@in_float32
def attribute_similarity(predicted: Float[Array, "n k"], wanted: Float[Array, "n k"]) -> Float[Array, " n"]:
    """Cosine similarity of predicted and wanted attributes, both mapped from [0, 1] to [-1, 1].

    Args:
        predicted: [n, k], probabilities of the attributes according to a classifier.
        wanted: [n, k], attributes that the images should have, 0 or 1.

    Returns:
        [n], in [-1, 1].

    Raises:
        ValueError: predicted and wanted differ in shape.

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, section 4.2, which
        compares predictions with the attributes of Labeled Faces in the Wild.
    """
    check_same_shape("attribute_similarity", predicted=predicted, wanted=wanted)
    a, b = 2 * predicted - 1, 2 * wanted - 1
    lengths = jnp.linalg.norm(a, axis=1) * jnp.linalg.norm(b, axis=1)
    return jnp.sum(a * b, axis=1) / jnp.maximum(lengths, 1e-12)
