"""The objective: the weighted sum of named terms, averaged over the batch.

This is the only place where a loss is averaged over examples. Terms come in their own units (nats for
likelihoods and divergences), summed over pixels or latent dimensions.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxvae.losses._floats import widened
from jaxvae.types import Batch, Schedule, Term


@runtime_checkable
class Objective(Protocol):
    """What `compose` returns: a scalar to differentiate and the numbers to log."""

    def __call__(
        self,
        key: Key[Array, ""],
        output: Any,
        batch: Batch,
        step: Int[Array, ""],
        overrides: Mapping[str, Float[Array, ""]] | None = None,
    ) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
        """Loss of one batch.

        Args:
            key: source of the terms' randomness; equal on all devices.
            output: what the model returned for the batch: an `Output`, or whatever else the terms read.
            batch: the examples; those with mask 0 don't count.
            step: number of the train step, for the schedules.
            overrides: weights by name, each a scalar, that replace the composed ones; with them replicas of one
                program can differ in their weights.

        Returns:
            The loss, and metrics: "loss", and for each term its mean under its name and that times its weight under
            "<name>_weighted".

        Raises:
            ValueError: an override names no term, or a term returns neither one value per example nor a scalar.
        """
        ...


def compose(
    terms: Mapping[str, Term], weights: Mapping[str, float | Schedule], *, remat: bool = False
) -> Objective:
    """Objective that is the weighted sum of terms, each averaged over the batch.

    A term [n] is averaged under the mask; a scalar is used as it is. A weight that changes over time, such as a KL
    warm-up, is a schedule, any function from step to value: `optax.linear_schedule(0.0, 1.0, 5000)`. A term of weight
    0 is still computed and logged. Terms see floats of 16 bits as float32.

    If the batch is one device's share (`Batch.axis_name`), the loss on each device is local, scaled so that the `pmean`
    of losses and gradients over devices is the loss and gradient of the global batch, wherever the padding lies; the
    metrics are already global.

    Args:
        terms: by name. Their order fixes their keys, `fold_in(key, position)`.
        weights: by the same names, each at least 0 or a schedule.
        remat: whether each term is computed again in the backward pass, so that until then only what it reads takes
            memory. What terms read must then be trees of arrays.

    Returns:
        The objective.

    Raises:
        ValueError: there are no terms, the names of terms and weights differ, a name clashes with another metric, or a
            weight is negative or not finite, or a term is no function of three arguments.
    """
    _check_names(terms, weights)
    for name, weight in weights.items():
        if not callable(weight) and not 0 <= weight < float("inf"):
            raise ValueError(f"The weight of {name} must be finite and >= 0, got {weight}.")

    def objective(
        key: Key[Array, ""],
        output: Any,
        batch: Batch,
        step: Int[Array, ""],
        overrides: Mapping[str, Float[Array, ""]] | None = None,
    ) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
        overrides = overrides or {}
        if unknown := sorted(set(overrides) - set(terms)):
            raise ValueError(f"No term is named {', '.join(unknown)}; the terms are {', '.join(terms)}.")
        output, batch = widened(output), widened(batch)
        loss, metrics = jnp.zeros(()), {}
        for position, (name, term) in enumerate(terms.items()):
            with jax.named_scope(name):
                evaluate = jax.checkpoint(term) if remat else term
                values = evaluate(jax.random.fold_in(key, position), output, batch)
                value = _batch_mean(name, values, batch)
            weight = overrides[name] if name in overrides else _at(weights[name], step)
            metrics[name], metrics[f"{name}_weighted"] = value, weight * value
            loss += weight * value
        metrics["loss"] = loss
        return loss, metrics if batch.axis_name is None else jax.lax.pmean(metrics, batch.axis_name)

    return objective


def _check_names(terms: Mapping[str, Term], weights: Mapping[str, float | Schedule]) -> None:
    if not terms:
        raise ValueError("compose needs at least one term, got none.")
    if set(terms) != set(weights):
        raise ValueError(
            f"Terms and weights must have the same names, got terms {', '.join(sorted(terms))} "
            f"and weights {', '.join(sorted(weights)) or 'none'}."
        )
    for name, term in terms.items():
        if not _takes_three(term):
            raise ValueError(f"Term {name} must be a function (key, output, batch), got {term!r}.")
        if name == "loss" or (name.endswith("_weighted") and name.removesuffix("_weighted") in terms):
            raise ValueError(f"A term may not be named {name}, which is already logged; choose another name.")


def _takes_three(term: Any) -> bool:
    try:
        inspect.signature(term).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:  # a function that is not written in Python may not tell
        return True
    return True


def _at(weight: float | Schedule, step: Int[Array, ""]) -> Float[Array, ""]:
    return jnp.asarray(weight(step) if callable(weight) else weight, jnp.float32)


def _batch_mean(name: str, values: Float[Array, " *n"], batch: Batch) -> Float[Array, ""]:
    if isinstance(values, jax.Array) and values.ndim == 0:
        return values
    if not isinstance(values, jax.Array) or values.shape != batch.mask.shape:
        got = f"shape {values.shape}" if isinstance(values, jax.Array) else type(values).__name__
        raise ValueError(
            f"Term {name} must return one value per example, shape {batch.mask.shape}, or a scalar, got {got}."
        )
    count = jnp.sum(batch.mask)
    if batch.axis_name is not None:
        count = jax.lax.pmean(count, batch.axis_name)
    return jnp.sum(batch.mask * values) / jnp.where(count > 0, count, 1)
