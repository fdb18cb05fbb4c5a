"""Losses of families with several players, from one forward pass, and optimizers that can wait."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxvae.train.step import Losses, Metrics, over_devices
from jaxvae.types import AdversarialOutput, Batch, Schedule

_MIX = 2**32 - 1  # apart from the keys that `split` makes of the same one


def several_players(
    model: Any,
    objective: Callable[..., tuple[Mapping[str, Float[Array, ""]], Metrics]],
    *,
    label: str | None = "label",
    noise: float | Schedule | None = None,
    slopes: bool = False,
) -> Losses:
    """Losses of a family whose players share one forward pass, such as `jaxvae.models.AAE` or `VAEGAN`.

    Args:
        model: Flax module with a method `play`, `(key, image, index, label=..., train=True) -> AdversarialOutput`.
        objective: `(key, output, batch, step, overrides) -> (losses, metrics)`, as `jaxvae.losses.compose_players`
            returns it. The replica's further hyper-parameters override the weights of their names.
        label: which field of the batch `play` is given as `label`; None gives it None.
        noise: standard deviation of noise on what the discriminator sees, which `play` is given; a number or a
            schedule of the step. None if `play` takes none.
        slopes: whether the discriminator's slopes between real and fake are computed, for a gradient penalty; its
            method `discriminate`, `(x, label=...) -> [n]`, must treat every example by itself.

    Returns:
        What `make_step` takes.

    References:
        Makhzani et al., Adversarial Autoencoders, ICLR 2016 workshop, section 2.
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, Algorithm 1.
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
        variables = {"params": params, **model_state}
        told = None if label is None else getattr(batch, label)
        given = {} if noise is None else {"noise": noise(step) if callable(noise) else noise}
        own = over_devices(model, batch.axis_name)
        output, updated = own.apply(
            variables,
            model_key,
            batch.image,
            batch.index,
            label=told,
            train=True,
            mutable=list(model_state),
            method="play",
            **given,
        )
        if slopes:

            def verdict(x: Float[Array, "n ..."]) -> Float[Array, " n"]:
                return own.apply(variables, x, label=told, method="discriminate")

            output = _with_slopes(jax.random.fold_in(key, _MIX), verdict, output, batch.index)
        values, metrics = objective(loss_key, output, batch, step, hyper)
        return values, (updated, metrics)

    return losses


def _with_slopes(
    key: Key[Array, ""],
    verdict: Callable[[Float[Array, "n ..."]], Float[Array, " n"]],
    output: AdversarialOutput,
    index: Int[Array, " n"],
) -> AdversarialOutput:
    """Measures slopes at one random point between each real thing and its fakes; only the verdict gets a gradient."""
    share = jax.vmap(lambda i: jax.random.uniform(jax.random.fold_in(key, i)))(index)
    share = share.reshape(-1, *[1] * (output.real.ndim - 1))
    norms = []
    for fake in output.fakes:
        between = lax.stop_gradient(share * output.real + (1 - share) * fake)
        gradient = jax.grad(lambda x: jnp.sum(verdict(x)))(between)
        squares = jnp.sum(jnp.square(gradient).reshape(len(gradient), -1), axis=1)
        norms.append(jnp.sqrt(squares + 1e-12))  # the root has no gradient at 0
    return replace(output, slopes=tuple(norms))


def pausing(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """An optimizer that stands still where the gradient is exactly 0, its moments and its count included.

    A rule of `jaxvae.losses.compose_players` holds a player back by a gradient of 0, which Adam alone would answer by
    coasting on.

    Args:
        optimizer: any Optax chain; its state stays its own.

    Returns:
        The same with pauses.
    """

    def update(gradient: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        moves = jnp.any(jnp.stack([jnp.any(leaf != 0) for leaf in jax.tree.leaves(gradient)]))
        updates, moved = inner.update(gradient, state, params, **extra)
        return (
            jax.tree.map(lambda u: jnp.where(moves, u, jnp.zeros_like(u)), updates),
            jax.tree.map(lambda new, old: jnp.where(moves, new, old), moved, state),
        )

    inner = optax.with_extra_args_support(optimizer)
    return optax.GradientTransformationExtraArgs(inner.init, update)


def adversarial_adam(
    learning_rate: float | Schedule, *, momentum: float = 0.5
) -> optax.GradientTransformation:
    """Adam as games are played with: less momentum, and a player who is held back stands still.

    Args:
        learning_rate: number or schedule.
        momentum: decay of the mean of gradients, in [0, 1).

    Returns:
        An Optax chain.

    References:
        Radford, Metz & Chintala, Unsupervised Representation Learning with DCGANs, ICLR 2016, section 3.
    """
    return pausing(optax.adam(learning_rate, b1=momentum))
