"""The terms of a training objective, measured on data that it did not train on."""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.evaluate.mean import Evaluator, Forward, independent_key, mean_evaluator
from jaxvae.losses import Objective
from jaxvae.types import Batch, Variables


def objective_evaluator(forward: Forward, objective: Objective) -> Evaluator:
    """Builds an evaluator of every term of an objective, unweighted.

    Weights are left out because they may change with the step and differ between replicas; the terms do not
    depend on them.

    Args:
        forward: `(key, variables, batch) -> Output`.
        objective: what `jaxvae.losses.compose` returns, composed without an axis name.

    Returns:
        An evaluator of the terms by their names. A term per example is its mean over the data set, in the
        term's unit. A term of the batch as a set, such as MMD, is its minibatch value, averaged over batches
        weighted by their numbers of unmasked examples: it depends on the batch size.
    """

    def statistics(key: Key[Array, ""], variables: Variables, batch: Batch) -> Mapping[str, Float[Array, ""]]:
        output = forward(key, variables, batch)
        _, metrics = objective(independent_key(key), output, batch, jnp.zeros((), jnp.int32))
        return {name: value for name, value in metrics.items() if f"{name}_weighted" in metrics}

    return mean_evaluator(statistics)
