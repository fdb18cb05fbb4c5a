"""Dropout with a mask for each example that does not depend on devices or layout."""

import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key, UInt16

from jaxvae.models.layouts import Layout

Rate: TypeAlias = float | Float[Array, ""]
"""Share to drop, in [0, 1): a number fixed in the program, or an array, which may differ between replicas."""

Drop: TypeAlias = Callable[[int, Array], Array]
"""`(number, x) -> x`: maps the number of a layer and its activations to the activations after dropout."""

_LEVELS = 2**16


def check_rate(rate: float) -> None:
    """Rejects a dropout rate outside [0, 1).

    Args:
        rate: share to drop.

    Raises:
        ValueError: the rate is outside [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"a dropout rate must be in [0, 1), got {rate:g}.")


def dropout(
    key: Key[Array, ""], x: Float[Array, "_ _ _ _"], rate: Rate, index: Int[Array, " n"], layout: Layout
) -> Float[Array, "_ _ _ _"]:
    """Sets a random share of the activations to zero and scales the others so that the expectation is unchanged.

    Args:
        key: source of randomness.
        x: images in the layout.
        rate: share to drop, in [0, 1), rounded to a multiple of 2^-16.
        index: position of each example in the global batch. Example i's mask depends only on the key and on index[i],
            so that it is the same however the batch is spread over devices, in either layout.
        layout: of x.

    Returns:
        Images in the layout.

    Raises:
        ValueError: a rate, given as a number, outside [0, 1).

    References:
        Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, JMLR 2014, section 10
        (the scaling in training).
    """
    if isinstance(rate, float):
        check_rate(rate)
    dropped = jnp.minimum(jnp.round(jnp.asarray(rate, jnp.float32) * _LEVELS), _LEVELS - 1)
    shape = (*layout.size(x), x.shape[layout.channel_axis])
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(index)
    kept = jax.vmap(lambda k: _bits(k, shape))(keys) >= dropped.astype(jnp.uint16)
    # Without the barrier, every operation that reads the activations, forward or backward, recomputes the masks.
    kept = lax.optimization_barrier(kept.transpose(layout.order))
    scale = (_LEVELS / (_LEVELS - dropped)).astype(x.dtype)
    return jnp.where(kept, x * scale, jnp.zeros((), x.dtype))


def _bits(key: Key[Array, ""], shape: tuple[int, ...]) -> UInt16[Array, "..."]:
    """Random numbers of 16 bits, two from each of 32 bits, which cost as much to draw."""
    size = math.prod(shape)
    pairs = lax.bitcast_convert_type(jax.random.bits(key, (-(-size // 2),)), jnp.uint16)
    return pairs.reshape(-1)[:size].reshape(shape)


def dropping(key: Key[Array, ""], rate: Rate, index: Int[Array, " n"], layout: Layout) -> Drop:
    """Dropout after several layers, each with independent masks.

    Args:
        key: source of randomness.
        rate: as in `dropout`; for the number 0 no masks are drawn.
        index: as in `dropout`.
        layout: of the activations.

    Returns:
        Function of a layer's number and its activations.
    """
    if isinstance(rate, float) and rate == 0:
        return keep
    return lambda number, x: dropout(jax.random.fold_in(key, number), x, rate, index, layout)


def keep(number: int, x: Float[Array, "_ _ _ _"]) -> Float[Array, "_ _ _ _"]:
    """No dropout.

    Args:
        number: of the layer.
        x: its activations.

    Returns:
        The activations.
    """
    return x
