"""Reconstruction judged by the activations of the autoencoder's own encoder.

Activations are [n, height, width, channels], one array for each stage of the encoder.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.types import Batch, Output, Term


def feature_error(
    a: Sequence[Float[Array, "n ..."]], b: Sequence[Float[Array, "n ..."]]
) -> Float[Array, " n"]:
    """Half the mean squared error of each layer's activations, summed over layers.

    Unlike `perceptual_distance` this is a mean over each layer, so that early layers, which have many more
    activations, do not outweigh late ones.

    Args:
        a: [n, ...] for each layer.
        b: the same of the images to compare with.

    Returns:
        [n], squared activations.

    Raises:
        ValueError: there is no layer.

    References:
        Hou, Shen, Sun & Qiu, Deep Feature Consistent Variational Autoencoder, WACV 2017, section 3.2.
    """
    if not a:
        raise ValueError("feature_error needs the activations of at least one layer, got none.")
    layers = [jnp.mean(jnp.square(x - y).reshape(len(x), -1), axis=-1) for x, y in zip(a, b, strict=True)]
    return jnp.sum(jnp.stack(layers), axis=0) / 2


def deep_features() -> Term:
    """Term: error of the mean reconstruction as the model's own encoder sees it.

    Where its gradient goes is the model's choice; see `deep_features` of `jaxvae.models.DeepConvVAE`.

    Returns:
        Term with [n], squared activations. It raises ValueError if the model puts out no features.

    References:
        Deep convolutional variational autoencoder to generate winged horses (the report), section 3.3.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        if output.features is None:
            raise ValueError(
                "the deep feature term needs the encoder's activations and this model puts out none; build it with "
                "deep_features='through' or 'stopped'."
            )
        return feature_error(*output.features)

    return term
