"""Reconstruction error in the activations of the autoencoder's own encoder.

Activations are [n, height, width, channels], one array for each stage of the encoder.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_same_layers
from jaxvae.types import Batch, Output, Term


@in_float32
def feature_error(
    a: Sequence[Float[Array, "n ..."]], b: Sequence[Float[Array, "n ..."]]
) -> Float[Array, " n"]:
    """Half the mean squared error of each layer's activations, summed over layers.

    Unlike `perceptual_distance` this averages over each layer, so that early layers, with many more activations, do
    not outweigh late ones.

    Args:
        a: [n, ...] for each layer.
        b: the same for the images to compare with.

    Returns:
        [n], squared activations.

    Raises:
        ValueError: there is no layer, or the layers of a and b differ in number or shape.

    References:
        Hou, Shen, Sun & Qiu, Deep Feature Consistent Variational Autoencoder, WACV 2017, section 3.2.
    """
    if not a:
        raise ValueError("feature_error needs the activations of at least one layer, got none.")
    check_same_layers("feature_error", a, b)
    layers = [jnp.mean(jnp.square(x - y).reshape(len(x), -1), axis=-1) for x, y in zip(a, b, strict=True)]
    return jnp.sum(jnp.stack(layers), axis=0) / 2


def deep_features() -> Term:
    """Term: `feature_error` between image and mean reconstruction, in the activations of the model's encoder.

    The model decides where the gradient flows; see `deep_features` of `jaxvae.models.DeepConvVAE`.

    Returns:
        Term with [n], squared activations.

    Raises:
        ValueError: (when the term is evaluated) the model returns no features.

    References:
        Deep convolutional variational autoencoder to generate winged horses (the report), section 3.3.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        if output.features is None:
            raise ValueError(
                "the deep feature term needs the encoder's activations and this model returns none; build it with "
                "deep_features='through' or 'stopped'."
            )
        return feature_error(*output.features)

    return term
