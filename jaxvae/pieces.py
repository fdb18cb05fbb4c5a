"""Many examples computed in pieces, to bound the memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

PIECE = 1000
"""Largest number of examples computed at a time."""


def in_pieces(function: Callable[..., Any], inputs: tuple[Any, ...]) -> Any:
    """Applies a function to at most `PIECE` examples at a time, since activations need far more memory than images.

    Args:
        function: maps arrays or trees of arrays [n, ...] to an array or a tree of arrays [n, ...].
        inputs: its arguments for n >= 0 examples; None stays None.

    Returns:
        The function's results for all examples.
    """
    n = len(jax.tree.leaves(inputs)[0])
    if n == 0:
        # Networks need at least one example; the results for one have the right shapes.
        one = jax.tree.map(lambda x: np.zeros((1, *x.shape[1:]), x.dtype), inputs)
        return jax.tree.map(lambda x: x[:0], function(*one))
    starts = range(0, n, PIECE)
    parts = [function(*jax.tree.map(lambda x, i=i: x[i : i + PIECE], inputs)) for i in starts]
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *xs: jnp.concatenate(xs), *parts)
