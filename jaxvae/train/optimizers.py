"""Optax chains that the experiments share."""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from jaxvae.types import Schedule


def schedule(learning_rate: float, *, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Learning rate that rises linearly and falls along a half cosine.

    Args:
        learning_rate: peak, > 0.
        steps: updates in all, > `warmup`.
        warmup: updates until the peak is reached, from 0.
        final: share of the peak that is left at the end, in [0, 1]; 1 keeps the rate constant.

    Returns:
        Step number -> learning rate.

    Raises:
        ValueError: an argument out of its range.

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
        fallen = jnp.clip((done - warmup) / (steps - warmup), 0, 1)
        share = final + (1 - final) * (1 + jnp.cos(jnp.pi * fallen)) / 2
        return learning_rate * jnp.where(done < warmup, done / max(warmup, 1), share)

    return rate


def adam(learning_rate: float | Schedule, *, clip_norm: float = 0.0) -> optax.GradientTransformation:
    """Adam on gradients whose global norm is clipped.

    Args:
        learning_rate: number or schedule.
        clip_norm: largest global norm of the gradient; 0 leaves it as it is.

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
    """Optimizer whose learning rate and momentum are arrays of its state, so that replicas can differ in them.

    Args:
        name: "adam", whose momentum is the decay of the first moment; or "sgd" with momentum,
            v <- momentum * v + learning_rate * gradient, params <- params - v.

    Returns:
        An Optax chain for a `Player` whose `hyper` is `TUNABLE`; by itself it has learning rate 1e-3 and momentum 0.9.

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
"""Hyper-parameters of a `tunable` optimizer."""

_TUNABLE: Mapping[str, Callable[..., optax.GradientTransformation]] = {
    "adam": lambda learning_rate, momentum: optax.adam(learning_rate, b1=momentum),
    "sgd": lambda learning_rate, momentum: optax.sgd(learning_rate, momentum=momentum),
}
