"""Optimizers and schedules, as Optax chains."""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from jaxvae.types import Schedule


def schedule(learning_rate: float, *, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Learning rate with linear warm-up and cosine decay.

    Args:
        learning_rate: the peak, > 0.
        steps: total number of updates, > `warmup`.
        warmup: number of updates until the peak, >= 0.
        final: rate at the end as a fraction of the peak, in [0, 1]; 1 keeps the rate constant.

    Returns:
        Function from step number to learning rate.

    Raises:
        ValueError: an argument is out of its range.

    References:
        Loshchilov & Hutter, SGDR, ICLR 2017, equation 5 (one period).
    """
    if learning_rate <= 0:
        raise ValueError(f"the learning rate must be positive, got {learning_rate}.")
    if not 0 <= warmup < steps:
        raise ValueError(f"warm-up must be shorter than the {steps} steps of training, got {warmup}.")
    if not 0 <= final <= 1:
        raise ValueError(f"the final share of the learning rate must be in [0, 1], got {final}.")

    def rate(step: Int[Array, ""]) -> Float[Array, ""]:
        done = step.astype(jnp.float32)
        progress = jnp.clip((done - warmup) / (steps - warmup), 0, 1)
        decayed = final + (1 - final) * (1 + jnp.cos(jnp.pi * progress)) / 2
        return learning_rate * jnp.where(done < warmup, done / max(warmup, 1), decayed)

    return rate


def adam(learning_rate: float | Schedule, *, clip_norm: float = 0.0) -> optax.GradientTransformation:
    """Adam, with optional clipping of the gradient's global norm.

    Args:
        learning_rate: number or schedule.
        clip_norm: largest global norm of the gradient; 0 clips nothing.

    Returns:
        An Optax chain.

    Raises:
        ValueError: negative `clip_norm`.

    References:
        Kingma & Ba, Adam, ICLR 2015.
    """
    if clip_norm < 0:
        raise ValueError(f"the clipping norm must be >= 0, got {clip_norm}.")
    clip = [optax.clip_by_global_norm(clip_norm)] if clip_norm else []
    return optax.chain(*clip, optax.adam(learning_rate))


def tunable(name: str) -> optax.GradientTransformation:
    """Optimizer whose learning rate and momentum are part of its state, so that replicas can differ in them.

    Args:
        name: "adam", whose momentum is the decay of the first moment; or "sgd" with momentum,
            v <- momentum * v + learning_rate * gradient, params <- params - v.

    Returns:
        An Optax chain for a `Player` whose `hyper` is `TUNABLE`. Its defaults are learning rate 1e-3 and momentum 0.9.

    Raises:
        ValueError: unknown name.

    References:
        Kingma & Ba, Adam, ICLR 2015 (beta_1).
        Qian, On the Momentum Term in Gradient Descent Learning Algorithms, Neural Networks 1999.
    """
    if name not in _TUNABLE:
        raise ValueError(f"optimizer must be one of {', '.join(_TUNABLE)}, got {name!r}.")
    return optax.inject_hyperparams(_TUNABLE[name])(learning_rate=1e-3, momentum=0.9)


TUNABLE = ("learning_rate", "momentum")
"""Names of the hyper-parameters of a `tunable` optimizer."""

_TUNABLE: Mapping[str, Callable[..., optax.GradientTransformation]] = {
    "adam": lambda learning_rate, momentum: optax.adam(learning_rate, b1=momentum),
    "sgd": lambda learning_rate, momentum: optax.sgd(learning_rate, momentum=momentum),
}
