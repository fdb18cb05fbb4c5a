"""Means over a data set: masked sums on the device, one transfer to the host at the end.

Padding (mask 0) adds nothing. A smaller last batch, padded to the size of the others, therefore counts exactly, and one
compiled function serves every batch and every call.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxvae.keys import INDEPENDENT
from jaxvae.losses._floats import widened
from jaxvae.types import Batch, Output, Variables
from jaxvae.xla import jit

Evaluator: TypeAlias = Callable[[Key[Array, ""], Variables, Iterable[Batch]], dict[str, float]]
"""`(key, variables, batches) -> metrics by name`. The key determines all draws."""

Forward: TypeAlias = Callable[[Key[Array, ""], Variables, Batch], Output]
"""The model on a batch, in evaluation mode: `(key, variables, batch) -> Output`. Pure and traceable."""

Statistics: TypeAlias = Callable[[Key[Array, ""], Variables, Batch], Mapping[str, Float[Array, " *n"]]]
"""`(key, variables, batch) -> values by name`, each [n], or a scalar that describes the batch as a set."""


def mean_evaluator(statistics: Statistics) -> Evaluator:
    """Builds an evaluator that averages statistics over all unmasked examples.

    Values per example are averaged over examples. A scalar is averaged over batches, each weighted by its number of
    unmasked examples: exact if the scalar is itself a masked mean, a minibatch value otherwise.

    Args:
        statistics: pure function `(key, variables, batch) -> {name: [n] or scalar}`. It is traced once per batch
            shape; its key is the evaluator's key folded with the batch's number.

    Returns:
        The evaluator. It raises ValueError if a statistic has another shape, or if no example is unmasked.
    """

    @jit
    def sums(
        key: Key[Array, ""], number: Any, variables: Variables, batch: Batch
    ) -> tuple[dict[str, Array], Array]:
        values = widened(statistics(jax.random.fold_in(key, number), variables, batch))
        masked = {name: _masked_sum(name, value, batch.mask) for name, value in values.items()}
        return masked, batch.mask.sum()

    def evaluate(key: Key[Array, ""], variables: Variables, batches: Iterable[Batch]) -> dict[str, float]:
        parts = [sums(key, np.uint32(i), variables, batch) for i, batch in enumerate(batches)]
        totals = jax.device_get(parts)
        count = float(np.sum([n for _, n in totals], dtype=np.float64))
        if count == 0:
            raise ValueError(f"evaluation needs an unmasked example, got {len(parts)} batches without one.")
        names = totals[0][0]
        return {name: float(np.sum([t[name] for t, _ in totals], dtype=np.float64)) / count for name in names}

    return evaluate


def combine(*evaluators: Evaluator) -> Evaluator:
    """Combines evaluators into one that returns all their metrics.

    All get the same key, so that those that share a forward function see the same draws. Batches that can be iterated
    only once are first collected in a list.

    Args:
        evaluators: evaluators whose metrics have distinct names.

    Returns:
        The combined evaluator. It raises ValueError if two evaluators return a metric of the same name.
    """

    def evaluate(key: Key[Array, ""], variables: Variables, batches: Iterable[Batch]) -> dict[str, float]:
        one_shot = iter(batches) is batches
        batches = list(batches) if one_shot else batches
        metrics: dict[str, float] = {}
        for evaluator in evaluators:
            new = evaluator(key, variables, batches)
            if clash := sorted(metrics.keys() & new.keys()):
                raise ValueError(
                    f"evaluators need distinct metric names, got {', '.join(clash)} twice; rename a term."
                )
            metrics |= new
        return metrics

    return evaluate


def independent_key(key: Key[Array, ""]) -> Key[Array, ""]:
    """A key for draws that must be independent of those that a model makes with `key`.

    Models fold small numbers, such as a level or a position, into their key.

    Args:
        key: the model's key.

    Returns:
        The key folded with `jaxvae.keys.INDEPENDENT`.
    """
    return jax.random.fold_in(key, INDEPENDENT)


def _masked_sum(name: str, value: Float[Array, " *n"], mask: Float[Array, " n"]) -> Float[Array, ""]:
    if value.ndim == 0:
        value = jnp.broadcast_to(value, mask.shape)
    if value.shape != mask.shape:
        raise ValueError(
            f"statistic {name!r} must be a scalar or {list(mask.shape)}, one value per example, "
            f"got {list(value.shape)}."
        )
    # A non-finite value on padding would survive a product with 0.
    return jnp.sum(jnp.where(mask > 0, value * mask, 0))
