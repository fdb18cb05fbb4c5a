"""Many examples taken a part at a time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

PIECE = 1000
"""Examples that are computed at a time."""


def in_pieces(function: Callable[..., Any], inputs: tuple[Any, ...]) -> Any:
    """Applies a function to at most `PIECE` examples at a time, since activations need far more room than images.

    Args:
        function: of arrays or trees of arrays [n, ...], to such.
        inputs: its arguments; None stays None.

    Returns:
        What the function gives for all examples.
    """
    n = len(jax.tree.leaves(inputs)[0])
    starts = range(0, max(n, 1), PIECE)
    parts = [function(*jax.tree.map(lambda x, i=i: x[i : i + PIECE], inputs)) for i in starts]
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *xs: jnp.concatenate(xs), *parts)
