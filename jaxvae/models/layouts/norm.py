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


@partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6, 7))
def norm_act(
    x: Float[Array, "..."],
    scale: Float[Array, " c"],
    bias: Float[Array, " c"],
    pivot: Float[Array, " c"],
    axis: int,
    slope: float,
    epsilon: float,
    axis_name: str | None,
) -> tuple[Float[Array, "..."], Float[Array, " c"], Float[Array, " c"]]:
    """leaky_relu((x - mean) / sqrt(var + epsilon) * scale + bias), with the batch's mean and variance.

    Both are had from one pass over the activations, and over devices by one collective: as sums of x - pivot and of its
    square. The variance loses (mean - pivot)^2 / var of float32's precision, nothing to speak of with the mean of the
    batches before.

    Args:
        x: activations of any rank.
        scale: per channel.
        bias: per channel.
        pivot: per channel, a value within a few standard deviations of the mean.
        axis: x's channel axis.
        slope: the rectifier's slope below zero; 0 is ReLU, 1 leaves the normalised value as it is.
        epsilon: added to the variance.
        axis_name: of the axis over whose devices the statistics are shared.

    Returns:
        Activations, mean and (biased) variance. No gradient flows from the last two.

    References:
        Ioffe & Szegedy, Batch Normalization, ICML 2015, Algorithm 1.
        Chan, Golub & LeVeque, Algorithms for Computing the Sample Variance, The American Statistician 1983 (shifted
        data).
    """
    return _forward(x, scale, bias, pivot, axis, slope, epsilon, axis_name)[0]


def _sums(x: Array, y: Array, axis: int, axis_name: str | None) -> tuple[Array, Array]:
    """Per-channel sums of two tensors over everything else, over all devices of `axis_name` too."""
    others = [a for a in range(x.ndim) if a != axis % x.ndim]

    def each(x: Array, y: Array) -> tuple[Array, Array]:
        return x.sum(others), y.sum(others)

    def both(x: Array, y: Array) -> tuple[Array, Array]:
        zero = jnp.zeros((), x.dtype)
        return lax.reduce((x, y), (zero, zero), lambda a, b: (a[0] + b[0], a[1] + b[1]), others)

    sums = lax.platform_dependent(x, y, cuda=both, rocm=both, default=each)
    return lax.optimization_barrier(sums if axis_name is None else lax.psum(sums, axis_name))


def _count(x: Array, axis: int, axis_name: str | None) -> int:
    """Activations of a channel, over all devices of `axis_name`."""
    return x.size // x.shape[axis] * (1 if axis_name is None else lax.axis_size(axis_name))


def _forward(
    x: Array,
    scale: Array,
    bias: Array,
    pivot: Array,
    axis: int,
    slope: float,
    epsilon: float,
    axis_name: str | None,
) -> tuple[tuple[Array, Array, Array], tuple]:
    shifted = x - _along(pivot, axis, x.ndim)
    total, squares = _sums(shifted, jnp.square(shifted), axis, axis_name)
    count = _count(x, axis, axis_name)
    distance = total / count
    mean, var = pivot + distance, jnp.maximum(squares / count - jnp.square(distance), 0)
    inverse = lax.rsqrt(var + epsilon)
    gain, offset = scale * inverse, bias - mean * scale * inverse
    pre = x * _along(gain, axis, x.ndim) + _along(offset, axis, x.ndim)
    y = jnp.where(pre > 0, pre, slope * pre)
    return (y, mean, var), (x, mean, inverse, gain, offset)


def _backward(
    axis: int, slope: float, epsilon: float, axis_name: str | None, residuals: tuple, cotangents: tuple
) -> tuple[Array, Array, Array, Array]:
    del epsilon
    x, mean, inverse, gain, offset = residuals
    along = partial(_along, axis=axis, ndim=x.ndim)
    g = jnp.where(x * along(gain) + along(offset) > 0, cotangents[0], slope * cotangents[0])
    normalised = (x - along(mean)) * along(inverse)
    dbias, dscale = _sums(g, g * normalised, axis, None)
    total_bias, total_scale = (dbias, dscale) if axis_name is None else lax.psum((dbias, dscale), axis_name)
    mean_bias, mean_scale = (total / _count(x, axis, axis_name) for total in (total_bias, total_scale))
    dx = along(gain) * (g - along(mean_bias) - normalised * along(mean_scale))
    return dx, dscale, dbias, jnp.zeros_like(mean)


norm_act.defvjp(_forward, _backward)
