"""Whether this machine gains by products of bfloat16."""

import time
import warnings
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax

_SIDE = 1024
"""Side of the square matrices that are multiplied: 2 GFLOP a product."""

_TURNS = 5


def product_rates() -> dict[str, float]:
    """Measures matrix products of this machine's default device, for less than a second.

    Returns:
        Operations per second by the type of the operands, "float32" and "bfloat16", at best of a few turns. The sums
        are float32 for both.
    """
    ones = {name: jnp.ones((_SIDE, _SIDE), name) for name in ("float32", "bfloat16")}
    product = jax.jit(lambda x: lax.dot(x, x, preferred_element_type=jnp.float32))
    seconds = dict.fromkeys(ones, float("inf"))
    for turn in range(_TURNS + 1):  # the first compiles
        for name, x in ones.items():
            started = time.perf_counter()
            jax.block_until_ready(product(x))
            if turn:
                seconds[name] = min(seconds[name], time.perf_counter() - started)
    return {name: 2 * _SIDE**3 / each for name, each in seconds.items()}


def warn_if_slower(rates: Mapping[str, float]) -> None:
    """Warns that products of bfloat16 are slower than float32's.

    Args:
        rates: of `product_rates`.
    """
    narrow, wide = (rates[name] / 1e9 for name in ("bfloat16", "float32"))
    if narrow < wide:
        warnings.warn(
            f"products of bfloat16 run at {narrow:,.0f} GFLOP/s on this machine, float32's at {wide:,.0f}: "
            "--precision float32 is faster and more exact.",
            stacklevel=2,
        )
