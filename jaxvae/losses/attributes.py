"""Losses of a classifier of binary attributes, whose output is logits [n, attributes]."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.types import Batch, Term


def attribute_likelihood() -> Term:
    """Term: negative log probability of an image's attributes, which are independent given the image.

    Returns:
        Term with [n] nats, summed over attributes.

    Raises:
        ValueError: (when the term is evaluated) the batch has no attributes, or attributes and logits differ in shape.
    """

    def term(key: Key[Array, ""], output: Any, batch: Batch) -> Float[Array, " n"]:
        signed = (1 - 2 * _attributes(output, batch)) * output
        return jnp.sum(jax.nn.softplus(signed), axis=-1)

    return term


def attribute_error() -> Term:
    """Term: share of attributes whose logit has the wrong sign; without gradient.

    Returns:
        Term with [n], in [0, 1]; its mean is 1 - accuracy averaged over attributes.

    Raises:
        ValueError: (when the term is evaluated) as `attribute_likelihood`.
    """

    def term(key: Key[Array, ""], output: Any, batch: Batch) -> Float[Array, " n"]:
        has = _attributes(output, batch) > 0.5
        return jnp.mean(((output > 0) != has).astype(jnp.float32), axis=-1)

    return term


def _attributes(output: Float[Array, "n _"], batch: Batch) -> Float[Array, "n _"]:
    attributes = batch.attributes
    if attributes is None or attributes.shape != output.shape:
        shape = None if attributes is None else attributes.shape
        raise ValueError(
            f"a classifier of attributes with output {output.shape} needs attributes of that shape, got {shape}."
        )
    return attributes
