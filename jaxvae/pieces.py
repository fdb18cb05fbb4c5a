"""Many examples taken a part at a time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

PIECE = 1000
"""Examples that are computed at a time."""


def in_pieces(function: Callable[..., Any], inputs: tuple[Any, ...]) -> Any:
    """Applies a function to at most `PIECE` examples at a time, since activations need far more room than images.

    Args:
        function: of arrays or trees of arrays [n, ...], to such.
        inputs: its arguments, n >= 0 examples; None stays None.

    Returns:
        What the function gives for all examples.
    """
    n = len(jax.tree.leaves(inputs)[0])
    if n == 0:
        # Networks are not made for nothing: what they give for one example has the right shape, too.
        one = jax.tree.map(lambda x: np.zeros((1, *x.shape[1:]), x.dtype), inputs)
        return jax.tree.map(lambda x: x[:0], function(*one))
    starts = range(0, n, PIECE)
    parts = [function(*jax.tree.map(lambda x, i=i: x[i : i + PIECE], inputs)) for i in starts]
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *xs: jnp.concatenate(xs), *parts)
