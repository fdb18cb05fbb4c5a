"""Mirrored images, for a set in which left and right mean nothing. Images are float32 in [0, 1]."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key


def flip_horizontally(
    key: Key[Array, ""], image: Float[Array, "n h w c"], index: Int[Array, " n"]
) -> Float[Array, "n h w c"]:
    """Mirrors each image left to right with probability one half.

    Args:
        key: for the draws.
        image: in [0, 1].
        index: position of each example in the global batch. Example i's draw depends on the key and on
            index[i] alone, so that it is the same however the batch is spread over devices.

    Returns:
        Images in [0, 1], each as it came or mirrored.
    """
    mirrored = jax.vmap(lambda i: jax.random.bernoulli(jax.random.fold_in(key, i)))(index)
    return jnp.where(mirrored[:, None, None, None], image[:, :, ::-1], image)
