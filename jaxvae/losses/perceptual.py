"""Distance between images in the activations of a network that was trained for another task.

Images are [n, height, width, channels] in [0, 1]. The network is a function from images to the activations that are
compared.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_same_layers
from jaxvae.types import Batch, Output, Term

Features: TypeAlias = Callable[[Float[Array, "n h w c"]], Sequence[Float[Array, "n ..."]]]
"""Maps images to activations, one array [n, ...] for each layer."""


@in_float32
def perceptual_distance(
    a: Sequence[Float[Array, "n ..."]], b: Sequence[Float[Array, "n ..."]]
) -> Float[Array, " n"]:
    """Squared Euclidean distance between activations, summed over layers, positions and channels.

    Args:
        a: [n, ...] for each layer.
        b: the same for the images to compare with.

    Returns:
        [n], squared activations.

    Raises:
        ValueError: there is no layer, or the layers of a and b differ in number or shape.

    References:
        Datta, Variational Autoencoders (the report), equation 1; Johnson, Alahi & Fei-Fei, Perceptual Losses for
        Real-Time Style Transfer and Super-Resolution, ECCV 2016, equation 2, which also divides by the number of
        activations.
    """
    if not a:
        raise ValueError("perceptual_distance needs the activations of at least one layer, got none.")
    check_same_layers("perceptual_distance", a, b)
    layers = [jnp.sum(jnp.square(x - y).reshape(len(x), -1), axis=-1) for x, y in zip(a, b, strict=True)]
    return jnp.sum(jnp.stack(layers), axis=0)


def perceptual(features: Features) -> Term:
    """Term: `perceptual_distance` between the mean image sigmoid(logits) and the image.

    Args:
        features: maps images in [0, 1] to activations; it holds the network's parameters, which get no gradient.

    Returns:
        Term with [n], squared activations summed over layers, positions and channels.

    Raises:
        ValueError: (when the term is evaluated) there is no layer.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        target = jax.lax.stop_gradient(tuple(features(batch.image)))
        return perceptual_distance(tuple(features(jax.nn.sigmoid(output.logits))), target)

    return term


@in_float32
def lpips_distance(
    a: Sequence[Float[Array, "n _ _ _"]],
    b: Sequence[Float[Array, "n _ _ _"]],
    heads: Sequence[Float[Array, " _"]],
) -> Float[Array, " n"]:
    """Learned perceptual distance (LPIPS): weighted squared differences between unit-length activations.

    Args:
        a: [n, h, w, c] for each layer, as `jaxvae.models.VGG16` returns them.
        b: the same for the images to compare with.
        heads: [c] for each layer, the weights of its channels, at least 0.

    Returns:
        [n], averaged over positions and summed over layers; 0 for equal images.

    Raises:
        ValueError: the layers of a and b differ in number or shape, or heads in number or channels.

    References:
        Zhang, Isola, Efros, Shechtman & Wang, The Unreasonable Effectiveness of Deep Features as a Perceptual Metric,
        CVPR 2018, equation 1.
    """
    check_same_layers("lpips_distance", a, b)
    channels, weights = [x.shape[-1] for x in a], [len(head) for head in heads]
    if channels != weights:
        raise ValueError(
            f"lpips_distance needs one weight per channel of each layer, {channels}, got heads of {weights}."
        )
    weigh = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    layers = [
        jnp.mean(weigh(jnp.square(_unit(x) - _unit(y)), head), axis=(1, 2))
        for x, y, head in zip(a, b, heads, strict=True)
    ]
    return jnp.sum(jnp.stack(layers), axis=0)


def _unit(activations: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
    # The small constant keeps the gradient finite where no channel is active.
    return activations / jnp.sqrt(jnp.sum(jnp.square(activations), axis=-1, keepdims=True) + 1e-10)
