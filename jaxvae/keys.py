"""Named streams of random numbers.

Steps, epochs, levels and positions are folded into keys as small numbers, and `jax.random.split` returns the keys that
folding in 0, 1, ... returns. Draws that must be independent of all these use a stream: a number at the upper end of
uint32 that is folded into the key, `fold_in(key, ORDER)`. Two streams that can be folded into the same key have
different numbers. The numbers must never change, so that a resumed run draws what the uninterrupted run would have
drawn.
"""

from operator import index
from typing import SupportsIndex

import jax
import numpy as np
from jaxtyping import Array, Int, Key

_LAST = 2**32 - 1

EVALUATION = _LAST
"""For the key of a run's seed: evaluation, during and after training."""

ORDER = _LAST
"""For the key of a train state, into which steps are folded too: the order of the examples."""

CORRUPTION = _LAST
"""For the key of a step of a single player: corruption of the model's input."""

INTERPOLATION = _LAST
"""For the key of a step of several players: points between real and fake examples, for the gradient penalty."""

AUGMENTATION = _LAST - 1
"""For the key of a step: augmentation of the images, together with corruption or interpolation."""

INDEPENDENT = _LAST
"""For the key that a model evaluates a batch with: draws that are independent of the model's."""


def seed_key(seed: int) -> Key[Array, ""]:
    """Key of a seed that a user gave.

    Args:
        seed: a whole number of 32 bits.

    Returns:
        The seed's key.

    Raises:
        ValueError: another seed; `jax.random.key` would take it modulo 2**32.
    """
    whole = isinstance(seed, SupportsIndex) and not isinstance(seed, jax.Array | np.ndarray)
    if not (whole and 0 <= index(seed) <= _LAST):
        given = seed if whole or isinstance(seed, float) else f"a {type(seed).__name__}"
        raise ValueError(f"seed must be a whole number from 0 to {_LAST}, got {given}.")
    return jax.random.key(index(seed))


@jax.jit
def evaluation_key(seed: int | Int[Array, ""]) -> Key[Array, ""]:
    """Key for evaluating a run, independent of all keys that its training draws from.

    Args:
        seed: the seed of the run.

    Returns:
        The seed's key folded with `EVALUATION`.
    """
    return jax.random.fold_in(jax.random.key(seed), EVALUATION)
