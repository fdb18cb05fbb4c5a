"""Computes with floats of 16 bits in float32: their squares overflow, and differences of them are mostly rounding."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Tree = TypeVar("_Tree")


def in_float32(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorator: arrays of narrower floats among the arguments become float32; gradients keep the type of these.

    Args:
        function: any function; arrays may lie in containers and records.

    Returns:
        The function, with all other arguments as they are.
    """

    @wraps(function)
    def computed(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        return function(*widened(args), **widened(kwargs))

    return computed


def widened(tree: _Tree) -> _Tree:
    """Makes float32 of arrays of narrower floats.

    Args:
        tree: any PyTree.

    Returns:
        The tree, with all other leaves as they are.
    """
    return jax.tree.map(_widened, tree)


def _widened(leaf: Any) -> Any:
    narrow = isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, jnp.floating)
    return leaf.astype(np.float32) if narrow and leaf.dtype.itemsize < 4 else leaf
