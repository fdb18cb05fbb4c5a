"""How well a small network predicts labels from codes.

Codes are [n, d], labels class numbers, -1 where there is none.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from jaxvae.losses import cross_entropy
from jaxvae.losses._floats import in_float32
from jaxvae.types import Variables

_LEARNING_RATE = 1e-3


@in_float32
def probe(
    key: Key[Array, ""],
    codes: Float[Array, "n d"],
    labels: Int[Array, " _"],
    *,
    test_codes: Float[Array, "m _"],
    test_labels: Int[Array, " _"],
    classes: int,
    hidden: int = 64,
    steps: int = 2000,
    batch_size: int = 256,
) -> float:
    """Test accuracy of a new network that learns to predict labels from codes: how much codes reveal of the labels.

    The network has one hidden layer of ReLUs. It is trained with Adam, with cosine decay of the learning rate from 1e-3
    to 0. Codes are first standardized by mean and standard deviation of the training codes. Codes that are independent
    of the labels give chance level, the share of the most frequent class.

    Args:
        key: determines the initial weights and the batches; the same key gives the same result.
        codes: [n, d], for training.
        labels: [n], in [-1, classes); an example labelled -1 is ignored.
        test_codes: [m, d], of other examples.
        test_labels: [m], in [-1, classes); an example labelled -1 does not count.
        classes: number of classes.
        hidden: hidden units.
        steps: updates, at least 1.
        batch_size: examples per update, drawn with replacement.

    Returns:
        Share of labelled test examples that are classified correctly, in [0, 1].

    Raises:
        ValueError: codes and labels differ in number, both sets of codes differ in dimension, a set has no labelled
            example, or a label is out of range.

    References:
        Alain & Bengio, Understanding intermediate layers using linear classifier probes, 2016 (arXiv:1610.01644),
        where the probe is linear.
    """
    if codes.shape[1] != test_codes.shape[1]:
        raise ValueError(
            f"Both sets need codes of one size, got {codes.shape[1]} to learn from and {test_codes.shape[1]} to test."
        )
    _check("to learn from", codes, labels, classes)
    _check("to test", test_codes, test_labels, classes)
    fit = partial(_fit, classes=classes, hidden=hidden, steps=steps, batch_size=batch_size)
    return float(fit(key, codes, labels, test_codes, test_labels))


def _check(purpose: str, codes: Float[Array, "n d"], labels: Int[Array, " m"], classes: int) -> None:
    if len(codes) != len(labels):
        raise ValueError(
            f"The set {purpose} needs one label per code, got {len(labels)} for {len(codes)} codes."
        )
    if not (labels >= 0).any():
        raise ValueError(f"The set {purpose} needs at least one labelled example, got none.")
    if labels.min() < -1 or labels.max() >= classes:
        raise ValueError(
            f"Labels of the set {purpose} must lie in [-1, {classes}), got {labels.min()} to {labels.max()}."
        )


@partial(jax.jit, static_argnames=("classes", "hidden", "steps", "batch_size"))
def _fit(
    key: Key[Array, ""],
    codes: Float[Array, "n d"],
    labels: Int[Array, " n"],
    test_codes: Float[Array, "m d"],
    test_labels: Int[Array, " m"],
    *,
    classes: int,
    hidden: int,
    steps: int,
    batch_size: int,
) -> Float[Array, ""]:
    mean, stddev = jnp.mean(codes, axis=0, keepdims=True), jnp.std(codes, axis=0, keepdims=True)
    codes, test_codes = ((c - mean) / jnp.where(stddev > 0, stddev, 1) for c in (codes, test_codes))
    dense = partial(nn.Dense, precision=jax.lax.Precision.HIGHEST)
    network = nn.Sequential([dense(hidden), nn.relu, dense(classes)])
    optimizer = optax.adam(optax.cosine_decay_schedule(_LEARNING_RATE, steps))
    init_key, batch_key = jax.random.split(key)

    def logits(variables: Variables, codes: Float[Array, "n d"]) -> Float[Array, "n classes"]:
        out: Any = network.apply(variables, codes)
        return out

    def loss(variables: Variables, rows: Int[Array, " batch"]) -> Float[Array, ""]:
        return jnp.mean(cross_entropy(logits(variables, codes[rows]), labels[rows]))

    def update(state: tuple[Variables, Any], step_key: Key[Array, ""]) -> tuple[tuple[Variables, Any], None]:
        variables, opt_state = state
        rows = jax.random.randint(step_key, (batch_size,), 0, len(codes))
        gradient = jax.grad(loss)(variables, rows)
        with jax.numpy_dtype_promotion("standard"):  # Optax counts in integers and multiplies by floats
            updates, opt_state = optimizer.update(gradient, opt_state)
        return (optax.apply_updates(variables, updates), opt_state), None

    variables: Variables = network.init(init_key, codes[:1])
    start = variables, optimizer.init(variables)
    (variables, _), _ = jax.lax.scan(update, start, jax.random.split(batch_key, steps))
    correct = jnp.argmax(logits(variables, test_codes), axis=-1) == test_labels
    return jnp.sum(correct) / jnp.sum(test_labels >= 0)
