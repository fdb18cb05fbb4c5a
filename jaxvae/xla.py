"""Workarounds that make XLA:CPU fast."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental.xla_metadata import set_xla_metadata
from jaxtyping import Array, Float, Int

COMPILER_OPTIONS = {"xla_disable_hlo_passes": "cse_barrier_expander"}
"""Keeps `optimization_barrier` effective on XLA:CPU, which otherwise drops it and fuses across it."""

ONCE: dict[str, Any] = {"xla_backend_optimization_level": 1}
"""For programs that XLA:CPU runs once: it compiles them in a third of the time, to the same numbers. Level 0 would
round otherwise, since it makes no fused multiplications and additions."""


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a top-level function such that optimization barriers are effective on CPU.

    For example, a sum over pixels that is fused with the logarithms it adds takes ten times as long.

    Args:
        function: pure function of arrays that is not called from another compiled function.

    Returns:
        The compiled function, for JAX's default platform.
    """
    return jax.jit(function, compiler_options=COMPILER_OPTIONS if jax.default_backend() == "cpu" else None)


def take_rows(x: Float[Array, "... n"], index: Int[np.ndarray, " m"]) -> Float[Array, "m n"]:
    """Gathers rows of a tensor in one copy at memory speed that is not fused with its neighbours.

    Args:
        x: tensor whose rows are numbered over all axes but the last.
        index: constant row numbers, all in range.

    Returns:
        The rows x.reshape(-1, n)[index].
    """
    with set_xla_metadata(
        inlineable="false"
    ):  # a computation of its own, across whose boundary XLA:CPU does not fuse
        return jax.jit(partial(_gather, index))(x)


def _gather(index: Int[np.ndarray, " m"], x: Array) -> Array:
    if x.dtype == jnp.bfloat16:  # XLA:CPU moves integers faster than narrow floats
        return lax.bitcast_convert_type(_gather(index, lax.bitcast_convert_type(x, jnp.uint16)), jnp.bfloat16)
    return lax.gather(
        x.reshape(-1, x.shape[-1]),
        index[:, None],
        lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,)),
        slice_sizes=(1, x.shape[-1]),
        mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )
