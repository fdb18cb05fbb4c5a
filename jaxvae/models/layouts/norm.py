"""Batch normalisation joined with a leaky rectifier, in training mode, with a hand-written gradient.

One function for every layout: the channel axis is an argument. Its backward pass reads the activations once
for both statistics and recomputes the rectifier's mask from the input instead of storing it.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def _along(value: Array, axis: int, ndim: int) -> Array:
    """A per-channel vector in the shape that broadcasts against the activations."""
    return value.reshape([-1 if a == axis % ndim else 1 for a in range(ndim)])


def _mean(x: Array, axis: int, axis_name: str | None) -> Array:
    """Per-channel mean over everything else, over all devices of `axis_name` too."""
    mean = x.mean([a for a in range(x.ndim) if a != axis % x.ndim])
    return mean if axis_name is None else lax.pmean(mean, axis_name)


@partial(jax.custom_vjp, nondiff_argnums=(3, 4, 5, 6))
def norm_act(
    x: Float[Array, "..."],
    scale: Float[Array, " c"],
    bias: Float[Array, " c"],
    axis: int,
    slope: float,
    epsilon: float,
    axis_name: str | None,
) -> tuple[Float[Array, "..."], Float[Array, " c"], Float[Array, " c"]]:
    """leaky_relu((x - mean) / sqrt(var + epsilon) * scale + bias), with the batch's mean and variance.

    Args:
        x: activations of any rank.
        scale: per channel.
        bias: per channel.
        axis: x's channel axis.
        slope: the rectifier's slope below zero; 0 is ReLU, 1 leaves the normalised value as it is.
        epsilon: added to the variance.
        axis_name: `pmap` axis over whose devices the statistics are shared.

    Returns:
        Activations, mean and (biased) variance. No gradient flows from the last two.

    References:
        Ioffe & Szegedy, Batch Normalization, ICML 2015, Algorithm 1.
    """
    return _forward(x, scale, bias, axis, slope, epsilon, axis_name)[0]


def _forward(
    x: Array, scale: Array, bias: Array, axis: int, slope: float, epsilon: float, axis_name: str | None
) -> tuple[tuple[Array, Array, Array], tuple]:
    mean = lax.optimization_barrier(_mean(x, axis, axis_name))
    var = lax.optimization_barrier(_mean(jnp.square(x - _along(mean, axis, x.ndim)), axis, axis_name))
    inverse = lax.rsqrt(var + epsilon)
    gain, offset = scale * inverse, bias - mean * scale * inverse
    pre = x * _along(gain, axis, x.ndim) + _along(offset, axis, x.ndim)
    y = jnp.where(pre > 0, pre, slope * pre)
    return (y, mean, var), (x, mean, inverse, gain, offset)


def _backward(
    axis: int, slope: float, epsilon: float, axis_name: str | None, residuals: tuple, cotangents: tuple
) -> tuple[Array, Array, Array]:
    del epsilon
    x, mean, inverse, gain, offset = residuals
    along = partial(_along, axis=axis, ndim=x.ndim)
    g = jnp.where(x * along(gain) + along(offset) > 0, cotangents[0], slope * cotangents[0])
    normalised = (x - along(mean)) * along(inverse)
    others = [a for a in range(x.ndim) if a != axis % x.ndim]
    dbias, dscale = lax.optimization_barrier((g.sum(others), (g * normalised).sum(others)))
    total_bias, total_scale, count = dbias, dscale, x.size // x.shape[axis]
    if axis_name is not None:
        total_bias, total_scale = lax.psum((dbias, dscale), axis_name)
        count *= lax.axis_size(axis_name)
    dx = along(gain) * (g - (along(total_bias) + normalised * along(total_scale)) / count)
    return dx, dscale, dbias


norm_act.defvjp(_forward, _backward)
