"""Losses of several players from one forward pass, and optimizers that can pause."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxvae.keys import INTERPOLATION
from jaxvae.train.gradients import Losses, Metrics, StepInput, StepLosses
from jaxvae.train.step import over_devices
from jaxvae.types import AdversarialOutput, Schedule


def several_players(
    model: Any,
    objective: Callable[..., tuple[Mapping[str, Float[Array, ""]], Metrics]],
    *,
    label: str | None = "label",
    noise: float | Schedule | None = None,
    slopes: bool = False,
) -> Losses:
    """Losses of a model family whose players share one forward pass, such as `jaxvae.models.AAE` or `VAEGAN`.

    Args:
        model: Flax module with a method `play`, `(key, image, index, label=..., train=True) -> AdversarialOutput`.
        objective: `(key, output, batch, step, overrides) -> (losses, metrics)`, as `jaxvae.losses.compose_players`
            returns it. The replica's hyper-parameters override the weights of the same names.
        label: field of the batch that `play` gets as its argument `label`, such as "attributes"; None passes None.
        noise: standard deviation of the noise on the discriminator's inputs, passed on to `play`: a number or a
            schedule of the step. None if `play` has no such argument.
        slopes: whether to compute the norm of the discriminator's gradient between real and fake examples, for a
            gradient penalty. The model's method `discriminate`, `(x, label=...) -> [n]`, must then process every
            example independently of the others.

    Returns:
        The losses, for `make_step`.

    References:
        Makhzani et al., Adversarial Autoencoders, ICLR 2016 workshop, section 2.
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, Algorithm 1.
    """

    def losses(inputs: StepInput) -> StepLosses:
        batch, step = inputs.batch, inputs.step
        model_key, loss_key = jax.random.split(inputs.key)
        variables = {"params": inputs.params, **inputs.model_state}
        labels = None if label is None else getattr(batch, label)
        keywords = {} if noise is None else {"noise": noise(step) if callable(noise) else noise}
        network = over_devices(model, batch.axis_name)
        output, model_state = network.apply(
            variables,
            model_key,
            batch.image,
            batch.index,
            label=labels,
            train=True,
            mutable=list(inputs.model_state),
            method="play",
            **keywords,
        )
        if slopes:

            def discriminate(x: Float[Array, "m ..."]) -> Float[Array, " m"]:
                each = None if labels is None else jnp.repeat(labels, len(x) // len(labels), axis=0)
                return network.apply(variables, x, label=each, method="discriminate")

            key = jax.random.fold_in(inputs.key, INTERPOLATION)
            with jax.named_scope("slopes"):
                output = _with_slopes(key, discriminate, output, batch.index)
        values, metrics = objective(loss_key, output, batch, step, inputs.hyper)
        return values, (model_state, metrics)

    return losses


def _with_slopes(
    key: Key[Array, ""],
    discriminate: Callable[[Float[Array, "m ..."]], Float[Array, " m"]],
    output: AdversarialOutput,
    index: Int[Array, " n"],
) -> AdversarialOutput:
    """Adds slopes at a random point between each real example and its fakes; their gradient skips the fakes."""
    weight = jax.vmap(lambda i: jax.random.uniform(jax.random.fold_in(key, i)))(index)
    weight = weight.reshape(-1, *[1] * output.real.ndim)
    # All fakes of an example side by side: one batch, of which each device has its share.
    fakes = jnp.stack(output.fakes, axis=1)
    between = lax.stop_gradient(weight * output.real[:, None] + (1 - weight) * fakes)
    gradient = jax.grad(lambda x: jnp.sum(discriminate(x.reshape(-1, *x.shape[2:]))))(between)
    squares = jnp.sum(jnp.square(gradient).reshape(*gradient.shape[:2], -1), axis=2)
    norms = jnp.sqrt(squares + 1e-12)  # the root has an infinite gradient at 0
    return replace(output, slopes=tuple(norms.T))


def pausing(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """An optimizer that changes neither parameters nor its own state while the gradient is exactly 0.

    A rule of `jaxvae.losses.compose_players` holds a player back by a gradient of 0, at which plain Adam would keep
    moving on its momentum.

    Args:
        optimizer: any Optax chain; the state has the same structure.

    Returns:
        The optimizer with pauses.
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
    """Adam for adversarial training: less momentum, and no update of a player that is held back.

    Args:
        learning_rate: number or schedule.
        momentum: decay of the gradients' moving average, in [0, 1).

    Returns:
        An Optax chain.

    References:
        Radford, Metz & Chintala, Unsupervised Representation Learning with DCGANs, ICLR 2016, section 3.
    """
    return pausing(optax.adam(learning_rate, b1=momentum))
