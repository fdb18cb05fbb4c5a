"""What has to be written in a particular way for XLA:CPU to compute it fast."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental.xla_metadata import set_xla_metadata
from jaxtyping import Array, Float, Int

COMPILER_OPTIONS = {"xla_disable_hlo_passes": "cse_barrier_expander"}
"""Keeps `optimization_barrier` effective on XLA:CPU, which otherwise drops it and fuses what it should separate."""


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function that is not called from within another compiled one, so that barriers hold on CPU.

    A sum over pixels that is fused with the logarithms it adds takes ten times as long.

    Args:
        function: pure, of arrays.

    Returns:
        The compiled function, for the platform that JAX prefers here.
    """
    return jax.jit(function, compiler_options=COMPILER_OPTIONS if jax.default_backend() == "cpu" else None)


def take_rows(x: Float[Array, "... n"], index: Int[np.ndarray, " m"]) -> Float[Array, "m n"]:
    """Rows of a tensor, as one copy at the memory's speed that is not fused with what comes before and after.

    Args:
        x: all but its last axis count rows, in order.
        index: constant numbers of the rows, all of which exist.

    Returns:
        The rows x.reshape(-1, n)[index].
    """

    def gather(x: Array) -> Array:
        if x.dtype == jnp.bfloat16:  # rows of integers are moved faster than rows of narrow floats
            return lax.bitcast_convert_type(gather(lax.bitcast_convert_type(x, jnp.uint16)), jnp.bfloat16)
        return lax.gather(
            x.reshape(-1, x.shape[-1]),
            index[:, None],
            lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,)),
            slice_sizes=(1, x.shape[-1]),
            mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
        )

    return _outlined(gather)(x)


def _outlined(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Calls `function` as a computation of its own, a boundary that XLA:CPU does not fuse across."""

    def call(x: Array) -> Array:
        with set_xla_metadata(inlineable="false"):
            return jax.jit(function)(x)

    return call
