"""Losses of a classifier of attributes, each of which an image has or has not; its output is logits [n, attributes]."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.types import Batch, Term


def attribute_likelihood() -> Term:
    """Term: negative log probability of all attributes of an image, independent of each other given the image.

    Returns:
        Term with [n] nats, summed over attributes.

    Raises:
        ValueError: (when the term is evaluated) the batch has no attributes, or not as many as there are logits.
    """

    def term(key: Key[Array, ""], output: Any, batch: Batch) -> Float[Array, " n"]:
        known = _attributes(output, batch)
        signed = (1 - 2 * known) * output
        return jnp.sum(jax.nn.softplus(signed), axis=-1)

    return term


def attribute_error() -> Term:
    """Term: share of attributes on whose side of 0 the logit is not; without gradient.

    Returns:
        Term with [n], in [0, 1]; its mean is 1 - accuracy averaged over attributes.

    Raises:
        ValueError: (when the term is evaluated) as `attribute_likelihood`.
    """

    def term(key: Key[Array, ""], output: Any, batch: Batch) -> Float[Array, " n"]:
        known = _attributes(output, batch)
        return jnp.mean(((output > 0) != (known > 0.5)).astype(jnp.float32), axis=-1)

    return term


def _attributes(output: Float[Array, "n _"], batch: Batch) -> Float[Array, "n _"]:
    known = batch.attributes
    if known is None or known.shape != output.shape:
        came = None if known is None else known.shape
        raise ValueError(
            f"a classifier of attributes with output {output.shape} needs attributes of that shape, got {came}."
        )
    return known
