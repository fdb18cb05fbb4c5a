"""One train step for any number of players."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxvae.train.state import Player, TrainState
from jaxvae.types import Batch

Metrics: TypeAlias = dict[str, Float[Array, ""]]

Losses: TypeAlias = Callable[
    [Key[Array, ""], Mapping[str, PyTree], Mapping[str, PyTree], Batch, Int[Array, ""], Mapping[str, Any]],
    tuple[Mapping[str, Float[Array, ""]], tuple[Mapping[str, PyTree], Metrics]],
]
"""`(key, params, model_state, batch, step, hyper) -> ({player: loss}, (model_state, metrics))`: what a family gives.

The metrics are scalars by name; "loss" among them is the number that the progress bar shows."""

_CORRUPTION = 2**32 - 1  # apart from the keys that `split` makes of the same one

Step: TypeAlias = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


def make_step(
    losses: Losses,
    players: Mapping[str, Player],
    *,
    ema_decay: float = 0.0,
) -> Step:
    """Builds the train step: one forward pass, one gradient for each player, one update for each.

    Each player's gradient is that of its own loss with respect to the subtrees that it moves; what it would be
    elsewhere is never computed. All gradients are taken at the same parameters; where several players move a subtree,
    their updates add up.

    Args:
        losses: loss of each player, from one forward pass.
        players: by the names that `losses` uses.
        ema_decay: share of the old value in the moving average of the parameters; 0 keeps none.

    Returns:
        `(state, batch) -> (state, metrics)`, pure, for one replica. Gradients are averaged over `Batch.axis_name`.
        The metrics are those of `losses` and "grad_norm_<player>", each gradient's global norm before the chain.

    Raises:
        ValueError: `ema_decay` outside [0, 1).
    """
    if not 0 <= ema_decay < 1:
        raise ValueError(f"the moving average's decay must be in [0, 1), got {ema_decay}.")

    of_optimizers = {name for player in players.values() for name in player.hyper}

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)
        hyper = {name: value for name, value in state.hyper.items() if name not in of_optimizers}
        values, pullback, (model_state, metrics) = jax.vjp(
            lambda params: losses(key, params, state.model_state, batch, state.step, hyper),
            state.params,
            has_aux=True,
        )
        params, opt_state = dict(state.params), {}
        for name, player in players.items():
            (gradient,) = pullback({n: jnp.full_like(v, n == name) for n, v in values.items()})
            own = {k: state.params[k] for k in player.moves}
            gradient = {k: gradient[k] for k in player.moves}
            if batch.axis_name is not None:
                gradient = lax.pmean(gradient, batch.axis_name)
            metrics[f"grad_norm_{name}"] = _norm(gradient)
            with jax.numpy_dtype_promotion("standard"):  # Optax counts in integers and multiplies by floats
                updates, opt_state[name] = player.optimizer.update(gradient, state.opt_state[name], own)
            params |= optax.apply_updates({k: params[k] for k in player.moves}, updates)
        ema = state.ema
        if ema is not None:
            ema = optax.incremental_update(params, ema, 1 - ema_decay)
        state = dataclasses.replace(
            state, step=state.step + 1, params=params, model_state=model_state, opt_state=opt_state, ema=ema
        )
        return state, metrics

    return step


def _norm(tree: PyTree) -> Float[Array, ""]:
    # As products: XLA:CPU would write the squares to memory before it sums them.
    precision = lax.Precision.HIGHEST
    return jnp.sqrt(sum(jnp.vdot(x, x, precision=precision) for x in jax.tree.leaves(tree)))


Corrupt: TypeAlias = Callable[
    [Key[Array, ""], Float[Array, "n h w c"], Int[Array, " n"]], Float[Array, "n h w c"]
]
"""`(key, image, index) -> image`: what a model is shown in place of an image."""


def over_devices(model: Any, axis_name: str | None) -> Any:
    """Takes a model's batch statistics over all devices, where it has such.

    Args:
        model: Flax module.
        axis_name: of the devices, as a `Batch` has it; None where batches are whole.

    Returns:
        The module for such batches.
    """
    normalised = any(field.name == "axis_name" for field in dataclasses.fields(model))
    return model.clone(axis_name=axis_name) if normalised else model


def one_player(
    name: str,
    model: Any,
    objective: Callable[..., tuple[Float[Array, ""], Metrics]],
    *,
    corrupt: Corrupt | None = None,
    arguments: Collection[str] = (),
    label: str | None = None,
) -> Losses:
    """Losses of a family with a single player: a model trained by one objective.

    Args:
        name: of the player.
        model: Flax module called as `(key, image, index, train=True)`, such as `jaxvae.models.VLAE`.
        objective: `(key, output, batch, step, overrides) -> (loss, metrics)`, as `jaxvae.losses.compose` returns it.
            The replica's further hyper-parameters override the weights of the same names.
        corrupt: what is done to the images that the model is shown; the objective sees the clean ones.
        arguments: names of those hyper-parameters of a replica that the model takes as keyword arguments.
        label: which field of the batch the model is given as `label`; none if not given.

    Returns:
        What `make_step` takes.
    """

    def losses(
        key: Key[Array, ""],
        params: Mapping[str, PyTree],
        model_state: Mapping[str, PyTree],
        batch: Batch,
        step: Int[Array, ""],
        hyper: Mapping[str, Any],
    ) -> tuple[Mapping[str, Float[Array, ""]], tuple[Mapping[str, PyTree], Metrics]]:
        model_key, loss_key = jax.random.split(key)
        image = batch.image
        if corrupt is not None:
            image = corrupt(jax.random.fold_in(key, _CORRUPTION), image, batch.index)
        given = {name: hyper[name] for name in arguments}
        if label is not None:
            given["label"] = getattr(batch, label)
        output, updated = over_devices(model, batch.axis_name).apply(
            {"params": params, **model_state},
            model_key,
            image,
            batch.index,
            train=True,
            mutable=list(model_state),
            **given,
        )
        weights = {name: value for name, value in hyper.items() if name not in arguments}
        loss, metrics = objective(loss_key, output, batch, step, weights)
        return {name: loss}, (updated, metrics)

    return losses
