"""What a train step differentiates, and the players' gradients of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxvae.train.state import Player
from jaxvae.types import Batch

Metrics: TypeAlias = dict[str, Float[Array, ""]]


@dataclass(frozen=True, eq=False)
class StepInput:
    """All that the losses of one train step depend on.

    Attributes:
        key: source of the step's randomness.
        params: parameters, by top-level subtree; losses are differentiated with respect to them.
        model_state: the other Flax collections, such as batch statistics.
        batch: the examples.
        step: number of updates made so far.
        hyper: the replica's hyper-parameters by name, without those of the optimizers.
    """

    key: Key[Array, ""]
    params: Mapping[str, PyTree]
    model_state: Mapping[str, PyTree]
    batch: Batch
    step: Int[Array, ""]
    hyper: Mapping[str, Any]


StepLosses: TypeAlias = tuple[Mapping[str, Float[Array, ""]], tuple[Mapping[str, PyTree], Metrics]]
"""`({player: loss}, (model_state, metrics))`.

The model state is the one after the forward pass. The metrics are scalars by name; the progress bar shows "loss"."""

Losses: TypeAlias = Callable[[StepInput], StepLosses]
"""Losses of all players of a model family, from one forward pass."""

Gradients: TypeAlias = tuple[Callable[[str], PyTree], Mapping[str, PyTree], Metrics]
"""`(gradient, model_state, metrics)`: `gradient(player)` is that of the player's own loss, by subtree that it moves."""


def gradients(losses: Losses, players: Mapping[str, Player], inputs: StepInput) -> Gradients:
    """All players' gradients, from one forward pass.

    Args:
        losses: of all players.
        players: by name.
        inputs: what they depend on.

    Returns:
        The gradients, of which each is computed when it is asked for, with the model state and the metrics of the
        forward pass.
    """
    values, pullback, (model_state, metrics) = jax.vjp(
        lambda params: losses(replace(inputs, params=params)), inputs.params, has_aux=True
    )

    def gradient(player: str) -> PyTree:
        (whole,) = pullback({name: jnp.full_like(v, name == player) for name, v in values.items()})
        return {subtree: whole[subtree] for subtree in players[player].moves}

    return gradient, model_state, metrics
