"""Matrix products whose operands may be rounded to a narrower type, forward and backward.

`rounding` is that type, or None to leave operands as they are. Sums are accumulated, and results returned, in
float32, or in the operands' own type where nothing is rounded.
"""

from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float

Rounding: TypeAlias = DTypeLike | None


def rounded(x: Array, rounding: Rounding) -> Array:
    """Rounds an operand of a product.

    Args:
        x: any array.
        rounding: the type to round to; None leaves the array as it is.

    Returns:
        The array in that type.
    """
    return x if rounding is None else x.astype(rounding)


def product(a: Array, b: Array, contract: tuple[int, int], rounding: Rounding) -> Float[Array, "m n"]:
    """One matrix product.

    Args:
        a: a matrix.
        b: a matrix, of the type of a unless it is rounded already.
        contract: the axis of each that is summed over.
        rounding: type to which both are rounded.

    Returns:
        The remaining axis of `a` by the remaining axis of `b`.
    """
    axes = (((contract[0],), (contract[1],)), ((), ()))
    wide = a.dtype if rounding is None else jnp.float32
    return lax.dot_general(rounded(a, rounding), rounded(b, rounding), axes, preferred_element_type=wide)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def dense(x: Float[Array, "n i"], kernel: Float[Array, "i o"], rounding: Rounding) -> Float[Array, "n o"]:
    """The product x @ kernel, differentiable once in reverse; operands of its gradient are rounded too.

    Args:
        x: vectors.
        kernel: (in, out).
        rounding: type to which operands are rounded.

    Returns:
        [n, o].
    """
    return product(x, kernel, (1, 0), rounding)


def _dense_forward(x: Array, kernel: Array, rounding: Rounding) -> tuple[Array, tuple]:
    return product(x, kernel, (1, 0), rounding), (x, kernel)


def _dense_backward(rounding: Rounding, residuals: tuple, g: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    # XLA:CPU has no fast path for a transposed left operand.
    across = lax.optimization_barrier(rounded(x, rounding).T)
    return product(g, kernel, (1, 1), rounding), product(across, g, (1, 0), rounding)


dense.defvjp(_dense_forward, _dense_backward)
