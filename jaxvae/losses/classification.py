"""Losses of a classifier, a model whose output is logits [n, classes] rather than an `Output`.

Labels are class numbers, -1 where there is none.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxvae.types import Batch, Term


def cross_entropy(logits: Float[Array, "n classes"], label: Int[Array, " n"]) -> Float[Array, " n"]:
    """Negative log probability of the right class.

    Args:
        logits: [n, classes], unbounded; their softmax is the probability.
        label: [n], in [0, classes); an example labelled -1 has loss 0.

    Returns:
        [n], nats, at least 0.
    """
    right = jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.maximum(label, 0)[:, None], axis=-1)
    return jnp.where(label >= 0, -right[:, 0], 0)


def classification() -> Term:
    """Term: `cross_entropy` of a classifier's logits.

    Returns:
        Term with [n] nats.
    """

    def term(key: Key[Array, ""], output: Any, batch: Batch) -> Float[Array, " n"]:
        return cross_entropy(output, batch.label)

    return term


def misclassification() -> Term:
    """Term: 1 where the class with the largest logit is not the label, 0 where it is; without gradient.

    Returns:
        Term with [n]; its mean is the error rate, 1 - accuracy.
    """

    def term(key: Key[Array, ""], output: Any, batch: Batch) -> Float[Array, " n"]:
        return (jnp.argmax(output, axis=-1) != batch.label).astype(jnp.float32)

    return term
