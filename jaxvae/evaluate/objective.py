"""The terms of a training objective, evaluated on held-out data."""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.evaluate.mean import Evaluator, Forward, independent_key, mean_evaluator
from jaxvae.losses import Objective
from jaxvae.types import Batch, Variables


def objective_evaluator(forward: Forward, objective: Objective) -> Evaluator:
    """Builds an evaluator of every term of an objective, unweighted.

    Terms are unweighted because weights may change with the step and differ between replicas.

    Args:
        forward: `(key, variables, batch) -> Output`.
        objective: as `jaxvae.losses.compose` returns it.

    Returns:
        An evaluator that returns the terms by name. A term per example is averaged over the data set, in the term's
        unit. A term of the batch as a set, such as MMD, is computed per batch and averaged over batches, weighted by
        their numbers of unmasked examples: its value depends on the batch size.
    """

    def statistics(key: Key[Array, ""], variables: Variables, batch: Batch) -> Mapping[str, Float[Array, ""]]:
        output = forward(key, variables, batch)
        _, metrics = objective(independent_key(key), output, batch, jnp.zeros((), jnp.int32))
        return {name: value for name, value in metrics.items() if f"{name}_weighted" in metrics}

    return mean_evaluator(statistics)
