"""Noise on a model's input images, for denoising criteria. Images are float32 in [0, 1]."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key


def add_noise(
    key: Key[Array, ""], image: Float[Array, "n h w c"], index: Int[Array, " n"], *, stddev: float
) -> Float[Array, "n h w c"]:
    """Adds Gaussian noise to every pixel and clips to [0, 1].

    Args:
        key: decides the noise.
        image: images in [0, 1].
        index: position of each example in the global batch. Example i's noise depends only on the key and index[i], so
            that it does not depend on how the batch is distributed over devices.
        stddev: standard deviation of the noise, at least 0, in units of the pixel range.

    Returns:
        Noisy images in [0, 1].

    Raises:
        ValueError: the standard deviation is negative or not finite.

    References:
        Im, Ahn, Memisevic & Bengio, Denoising Criterion for Variational Auto-Encoding Framework, AAAI 2017.
    """
    if not 0 <= stddev < float("inf"):
        raise ValueError(f"the noise's standard deviation must be finite and >= 0, got {stddev}.")
    shape = image.shape[1:]
    noise = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), shape))(index)
    return jnp.clip(image + stddev * noise, 0, 1)
