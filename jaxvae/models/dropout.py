"""Dropout whose masks belong to the examples, not to where these lie."""

import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key, UInt16

from jaxvae.models.layouts import Layout

Rate: TypeAlias = float | Float[Array, ""]
"""Share that is dropped, in [0, 1); a number of the program, or an array in which replicas of one program differ."""

Drop: TypeAlias = Callable[[int, Array], Array]
"""From the number of a layer and its activations to what is left of them."""

_LEVELS = 2**16


def check_rate(rate: float) -> None:
    """Refuses what is no rate of dropout.

    Args:
        rate: share that is dropped.

    Raises:
        ValueError: it is outside [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"a dropout rate must be in [0, 1), got {rate:g}.")


def dropout(
    key: Key[Array, ""], x: Float[Array, "_ _ _ _"], rate: Rate, index: Int[Array, " n"], layout: Layout
) -> Float[Array, "_ _ _ _"]:
    """Sets a random share of the activations to zero and scales the others so that the mean stays.

    Args:
        key: for the masks.
        x: images in the layout.
        rate: share that is dropped, in [0, 1), rounded to a multiple of 2^-16.
        index: position of each example in the global batch. Example i's mask depends on the key and on
            index[i] alone, so that it is the same however the batch is spread over devices, in either layout.
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
    # Without the barrier, whatever reads the activations, forward and backward, makes the masks anew.
    kept = lax.optimization_barrier(kept.transpose(layout.order))
    scale = (_LEVELS / (_LEVELS - dropped)).astype(x.dtype)
    return jnp.where(kept, x * scale, jnp.zeros((), x.dtype))


def _bits(key: Key[Array, ""], shape: tuple[int, ...]) -> UInt16[Array, "..."]:
    """Random numbers of 16 bits, two from each of 32, since a narrow one costs as much to make as a wide one."""
    size = math.prod(shape)
    pairs = lax.bitcast_convert_type(jax.random.bits(key, (-(-size // 2),)), jnp.uint16)
    return pairs.reshape(-1)[:size].reshape(shape)


def dropping(key: Key[Array, ""], rate: Rate, index: Int[Array, " n"], layout: Layout) -> Drop:
    """Dropout behind several layers, each with masks of its own.

    Args:
        key: for the masks.
        rate: as `dropout` takes it; the number 0 makes no masks.
        index: as `dropout` takes it.
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
