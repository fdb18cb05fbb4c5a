"""The train step, for any number of players."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxvae.keys import CORRUPTION
from jaxvae.train.accumulate import accumulated
from jaxvae.train.gradients import Losses, Metrics, StepInput, StepLosses, gradients
from jaxvae.train.state import RATE, Player, TrainState
from jaxvae.types import Batch

GRADIENT_NORM = "grad_norm_"
"""Begins the name of the metric with the norm of a player's gradient."""

Step: TypeAlias = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]
"""`(state, batch) -> (state, metrics)`: one update of every player."""


def make_step(
    losses: Losses,
    players: Mapping[str, Player],
    *,
    ema_decay: float = 0.0,
    accumulate: int = 1,
) -> Step:
    """Builds the train step: one forward pass, one gradient for each player, one update for each.

    Each player's gradient is that of its own loss, and only with respect to the subtrees that it moves. All gradients
    are taken at the same parameters. If several players move a subtree, their updates add up.

    Args:
        losses: loss of each player, from one forward pass.
        players: by the names that `losses` uses.
        ema_decay: weight of the old value in the moving average of the parameters; 0 keeps no average. In step t, from
            0, it is at most (1 + t) / (10 + t), so that the initial parameters are soon forgotten.
        accumulate: parts that a batch is computed in, one after the other; see `jaxvae.train.accumulate`.

    Returns:
        `(state, batch) -> (state, metrics)`, pure, for one replica. Gradients are averaged over `Batch.axis_name`.
        The metrics are those of `losses` and "grad_norm_<player>", the global norm of each gradient before its
        optimizer changes it.

    Raises:
        ValueError: `ema_decay` outside [0, 1), or `accumulate` below 1.
    """
    if not 0 <= ema_decay < 1:
        raise ValueError(f"the moving average's decay must be in [0, 1), got {ema_decay}.")
    if accumulate < 1:
        raise ValueError(f"a batch must be computed in at least 1 part, got {accumulate}.")

    not_the_losses = {RATE} | {name for player in players.values() for name in player.hyper}

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)
        hyper = {name: value for name, value in state.hyper.items() if name not in not_the_losses}
        inputs = StepInput(key, state.params, state.model_state, batch, state.step, hyper)
        if accumulate > 1:
            gradient_of, model_state, metrics = accumulated(losses, players, inputs, parts=accumulate)
        else:
            gradient_of, model_state, metrics = gradients(losses, players, inputs)
        params, opt_state = dict(state.params), {}
        for name, player in players.items():
            gradient = gradient_of(name)
            moved = {k: state.params[k] for k in player.moves}
            if batch.axis_name is not None:
                gradient = lax.pmean(gradient, batch.axis_name)
            with jax.named_scope("norm of the gradient"):
                metrics[f"{GRADIENT_NORM}{name}"] = _norm(gradient)
            gradient = _all_known(gradient)
            # Optax counts in integers and multiplies by floats.
            with jax.named_scope("update"), jax.numpy_dtype_promotion("standard"):
                updates, opt_state[name] = player.optimizer.update(gradient, state.opt_state[name], moved)
                if RATE in state.hyper:
                    updates = jax.tree.map(lambda update: state.hyper[RATE] * update, updates)
                params |= optax.apply_updates({k: params[k] for k in player.moves}, updates)
        ema = state.ema
        if ema is not None:
            decay = jnp.minimum(ema_decay, (1 + state.step) / (10 + state.step))
            ema = optax.incremental_update(params, ema, 1 - decay)
        state = dataclasses.replace(
            state, step=state.step + 1, params=params, model_state=model_state, opt_state=opt_state, ema=ema
        )
        return state, metrics

    return step


def _all_known(gradient: PyTree) -> PyTree:
    # Or else XLA:CPU does not see that a step is done with the parameters, and copies them all before it begins.
    return lax.platform_dependent(gradient, cpu=lax.optimization_barrier, default=lambda gradient: gradient)


def _norm(tree: PyTree) -> Float[Array, ""]:
    leaves = jax.tree.leaves(tree)

    def by_leaf(*leaves: Array) -> Array:
        # As dot products: XLA:CPU would write the squares to memory before summing them.
        return jnp.sqrt(sum(jnp.vdot(x, x, precision=lax.Precision.HIGHEST) for x in leaves))

    def at_once(*leaves: Array) -> Array:
        return jnp.sqrt(jnp.sum(jnp.square(jnp.concatenate([x.ravel() for x in leaves]))))

    return lax.platform_dependent(*leaves, cuda=at_once, rocm=at_once, default=by_leaf)


Corrupt: TypeAlias = Callable[
    [Key[Array, ""], Float[Array, "n h w c"], Int[Array, " n"]], Float[Array, "n h w c"]
]
"""`(key, image, index) -> image`: a random change of images [n, height, width, channels]."""


def over_devices(model: Any, axis_name: str | None) -> Any:
    """Makes a model take its batch statistics over all devices; a model without batch statistics stays as it is.

    Args:
        model: Flax module.
        axis_name: name of the axis over devices, `Batch.axis_name`; None if batches are whole.

    Returns:
        The module for such batches.
    """
    return model.clone(axis_name=axis_name) if hasattr(model, "axis_name") else model


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
        name: the player's name.
        model: Flax module called as `(key, image, index, train=True)`, such as `jaxvae.models.VLAE`.
        objective: `(key, output, batch, step, overrides) -> (loss, metrics)`, as `jaxvae.losses.compose` returns it.
            The replica's other hyper-parameters override the weights of the same names.
        corrupt: changes the images that the model gets; the objective compares with the unchanged ones. None changes
            nothing.
        arguments: names of the replica's hyper-parameters that the model takes as keyword arguments.
        label: field of the batch that the model gets as its argument `label`, such as "attributes"; None passes none.

    Returns:
        The losses, for `make_step`.
    """

    def losses(inputs: StepInput) -> StepLosses:
        batch = inputs.batch
        model_key, loss_key = jax.random.split(inputs.key)
        image = batch.image
        if corrupt is not None:
            image = corrupt(jax.random.fold_in(inputs.key, CORRUPTION), image, batch.index)
        keywords = {name: inputs.hyper[name] for name in arguments}
        if label is not None:
            keywords["label"] = getattr(batch, label)
        output, model_state = over_devices(model, batch.axis_name).apply(
            {"params": inputs.params, **inputs.model_state},
            model_key,
            image,
            batch.index,
            train=True,
            mutable=list(inputs.model_state),
            **keywords,
        )
        weights = {name: value for name, value in inputs.hyper.items() if name not in arguments}
        loss, metrics = objective(loss_key, output, batch, inputs.step, weights)
        return {name: loss}, (model_state, metrics)

    return losses
