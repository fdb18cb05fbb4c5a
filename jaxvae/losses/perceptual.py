"""Distance between images in the activations of a network that was trained for something else.

Images are [n, height, width, channels] in [0, 1]. The network comes as a function, from images to the activations in
which they are to be compared.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.types import Batch, Output, Term

Features: TypeAlias = Callable[[Float[Array, "n h w c"]], Sequence[Float[Array, "n ..."]]]
"""Images to activations, one array [n, ...] for each layer."""


def perceptual_distance(
    a: Sequence[Float[Array, "n ..."]], b: Sequence[Float[Array, "n ..."]]
) -> Float[Array, " n"]:
    """Squared Euclidean distance between activations, summed over layers, positions and channels.

    Args:
        a: [n, ...] for each layer.
        b: the same of the images to compare with.

    Returns:
        [n], squared activations.

    Raises:
        ValueError: there is no layer.

    References:
        Datta, Variational Autoencoders (the report), equation 1; Johnson, Alahi & Fei-Fei, Perceptual Losses for
        Real-Time Style Transfer and Super-Resolution, ECCV 2016, equation 2, which also divides by the number of
        activations.
    """
    if not a:
        raise ValueError("perceptual_distance needs the activations of at least one layer, got none.")
    layers = [jnp.sum(jnp.square(x - y).reshape(len(x), -1), axis=-1) for x, y in zip(a, b, strict=True)]
    return jnp.sum(jnp.stack(layers), axis=0)


def perceptual(features: Features) -> Term:
    """Term: distance between the mean image sigmoid(logits) and the image, as a network sees them.

    Args:
        features: images in [0, 1] to activations, with the network's parameters inside; they get no gradient.

    Returns:
        Term with [n], squared activations summed over layers, positions and channels.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        target = jax.lax.stop_gradient(tuple(features(batch.image)))
        return perceptual_distance(tuple(features(jax.nn.sigmoid(output.logits))), target)

    return term


def lpips_distance(
    a: Sequence[Float[Array, "n _ _ _"]],
    b: Sequence[Float[Array, "n _ _ _"]],
    heads: Sequence[Float[Array, " _"]],
) -> Float[Array, " n"]:
    """Learned perceptual distance: squared differences of unit-length activations, weighed by channel.

    Args:
        a: [n, h, w, c] for each layer, such as `jaxvae.models.VGG16` returns them.
        b: the same of the images to compare with.
        heads: [c] for each layer, weights at least 0.

    Returns:
        [n], averaged over positions and summed over layers; 0 for equal images.

    References:
        Zhang, Isola, Efros, Shechtman & Wang, The Unreasonable Effectiveness of Deep Features as a Perceptual Metric,
        CVPR 2018, equation 1.
    """
    layers = [
        jnp.mean(jnp.square(_unit(x) - _unit(y)) @ head, axis=(1, 2))
        for x, y, head in zip(a, b, heads, strict=True)
    ]
    return jnp.sum(jnp.stack(layers), axis=0)


def _unit(activations: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
    # The small number inside the root keeps the gradient finite where no channel is active.
    return activations / jnp.sqrt(jnp.sum(jnp.square(activations), axis=-1, keepdims=True) + 1e-10)
