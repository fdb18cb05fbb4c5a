"""Steps that are left out because a gradient is infinite or NaN."""

import dataclasses
from collections.abc import Collection, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxvae.train.gradients import Metrics
from jaxvae.train.state import TrainState
from jaxvae.train.step import GRADIENT_NORM, Step
from jaxvae.types import Batch

SKIPPED = "skipped"
"""Name of the metric that is 1 at a step that was left out and may be, and 0 at any other."""


def skipping(step: Step, players: Collection[str], *, most: int) -> Step:
    """A train step that leaves parameters, statistics and optimizers as they are where a gradient is not finite.

    All players wait if the gradient of one has a norm that is infinite or NaN. The step is counted in the state, and
    the next one has other examples and other noise.

    Args:
        step: of one replica; its state counts `skips`.
        players: their names.
        most: steps in a row that may be left out, at least 1. Beyond them the state stays too, but the metrics say that
            the step failed: their numbers are not finite, and "skipped" is 0.

    Returns:
        `(state, batch) -> (state, metrics)`, with the further metric "skipped".

    Raises:
        ValueError: `most` is below 1.
    """
    if most < 1:
        raise ValueError(f"a step that skips must be allowed at least 1 step in a row, got {most}.")

    def careful(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        after, metrics = step(state, batch)
        assert state.skips is not None
        norms = jnp.stack([metrics[f"{GRADIENT_NORM}{name}"] for name in players])
        finite = jnp.all(jnp.isfinite(norms))

        def kept(new: Array, old: Array) -> Array:
            return jnp.where(finite, new, old)

        moved = {
            name: jax.tree.map(kept, getattr(after, name), getattr(state, name))
            for name in ("params", "model_state", "opt_state", "ema")
        }
        in_a_row = jnp.where(finite, 0, state.skips["in_a_row"] + 1)
        allowed = jnp.logical_and(in_a_row > 0, in_a_row <= most)
        skips = {"in_a_row": in_a_row, "total": state.skips["total"] + allowed.astype(jnp.int32)}
        after = dataclasses.replace(after, **moved, skips=skips)
        return after, metrics | {SKIPPED: allowed.astype(jnp.float32)}

    return careful


def averaged(metrics: Mapping[str, Float[np.ndarray, "r k"]], number: int) -> dict[str, float]:
    """Means of a replica's metrics over some steps, those left out not counted.

    Args:
        metrics: every metric at each of k steps, by the replica's number.
        number: of the replica.

    Returns:
        Each metric's mean, and of "skipped" the number of steps; nothing but that if all of them were left out.
    """
    if SKIPPED not in metrics:
        return {name: float(values[number].mean()) for name, values in metrics.items()}
    made = metrics[SKIPPED][number] == 0
    others = {name: values[number][made] for name, values in metrics.items() if name != SKIPPED}
    means = {name: float(values.mean()) for name, values in others.items()} if made.any() else {}
    return means | {SKIPPED: float((~made).sum())}
