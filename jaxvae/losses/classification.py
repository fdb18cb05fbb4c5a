"""Losses of class logits [n, classes], from a classifier or from a model's label head.

Labels are class numbers, -1 where there is none.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_same_length
from jaxvae.types import Batch, Output, Term


@in_float32
def cross_entropy(logits: Float[Array, "n classes"], label: Int[Array, " n"]) -> Float[Array, " n"]:
    """Negative log probability of the right class.

    Args:
        logits: [n, classes], unbounded; their softmax is the probability.
        label: [n], in [0, classes); an example labelled -1 has loss 0.

    Returns:
        [n], nats, at least 0.

    Raises:
        ValueError: logits and labels of different numbers of examples.
    """
    check_same_length("cross_entropy", logits=logits, label=label)
    right = jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.maximum(label, 0)[:, None], axis=-1)
    return jnp.where(label >= 0, -right[:, 0], 0)


def classification() -> Term:
    """Term: `cross_entropy` of a classifier, whose output is the logits themselves.

    Returns:
        Term with [n] nats.
    """
    return _cross_entropy_of(lambda output: output)


def recognition(classify: Callable[[Float[Array, "n h w c"]], Float[Array, "n classes"]]) -> Term:
    """Term: `cross_entropy` of a frozen classifier on the mean image sigmoid(logits), against the true label.

    The gradient reaches the autoencoder through the images, so that it learns to draw recognizable ones.

    Args:
        classify: maps images in [0, 1] to class logits; it holds the network's parameters, which get no gradient.

    Returns:
        Term with [n] nats.
    """
    return _cross_entropy_of(lambda output: classify(jax.nn.sigmoid(output.logits)))


def label_head() -> Term:
    """Term: `cross_entropy` of the label logits that a model with a label head returns.

    Returns:
        Term with [n] nats.

    Raises:
        ValueError: (when the term is evaluated) the model has no label head.
    """

    def logits(output: Output) -> Float[Array, "n classes"]:
        if output.label_logits is None:
            raise ValueError("label_head needs a model whose output has label_logits, got one without.")
        return output.label_logits

    return _cross_entropy_of(logits)


def _cross_entropy_of(logits: Callable[[Any], Float[Array, "n classes"]]) -> Term:
    def term(key: Key[Array, ""], output: Any, batch: Batch) -> Float[Array, " n"]:
        return cross_entropy(logits(output), batch.label)

    return term


def misclassification() -> Term:
    """Term: 1 where the class with the largest logit is not the label, else 0; without gradient.

    Returns:
        Term with [n]; its mean is the error rate, 1 - accuracy.

    Raises:
        ValueError: (when the term is evaluated) logits and labels of different numbers of examples.
    """

    def term(key: Key[Array, ""], output: Any, batch: Batch) -> Float[Array, " n"]:
        check_same_length("misclassification", logits=output, label=batch.label)
        return (jnp.argmax(output, axis=-1) != batch.label).astype(jnp.float32)

    return term
