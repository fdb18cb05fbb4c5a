"""Mirrored images, an augmentation for data without a preferred left or right. Images are float32 in [0, 1]."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key


def flip_horizontally(
    key: Key[Array, ""], image: Float[Array, "n h w c"], index: Int[Array, " n"]
) -> Float[Array, "n h w c"]:
    """Mirrors each image left to right with probability one half.

    Args:
        key: decides which images are mirrored.
        image: images in [0, 1].
        index: position of each example in the global batch. Example i's draw depends only on the key and index[i], so
            that it does not depend on how the batch is distributed over devices.

    Returns:
        Images in [0, 1], each unchanged or mirrored.
    """
    mirrored = jax.vmap(lambda i: jax.random.bernoulli(jax.random.fold_in(key, i)))(index)
    return jnp.where(mirrored[:, None, None, None], image[:, :, ::-1], image)
