"""Refuses arrays of unequal shape, which arithmetic would broadcast without a word.

Shapes are static, so the checks work under `jit`, where they cost nothing, and under `vmap`, where they see the shapes
of one mapped element.
"""

from collections.abc import Iterable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped


def check_same_shape(function: str, /, **arrays: Shaped[Array | np.ndarray, "..."]) -> None:
    """Refuses arrays of unequal shape.

    Args:
        function: name of the function that was called with them.
        **arrays: by the names of that function's arguments.

    Raises:
        ValueError: two shapes differ.
    """
    shapes = {name: jnp.shape(array) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"{function} needs {_listed(shapes)} of the same shape, got {_listed(shapes.values())}; nothing is "
            "broadcast: resize, slice or repeat one of them."
        )


def check_float_images(function: str, /, **images: Shaped[Array | np.ndarray, "..."]) -> None:
    """Refuses what are not floating-point images [n, height, width, channels], or images of unequal shape.

    Arithmetic on bytes would wrap around without a word.

    Args:
        function: name of the function that was called with them.
        **images: by the names of that function's arguments.

    Raises:
        ValueError: an argument is not of a floating-point type or has not four axes, or two shapes differ.
    """
    kinds = [f"{jnp.result_type(image)} {jnp.shape(image)}" for image in images.values()]
    for image in images.values():
        if not jnp.issubdtype(jnp.result_type(image), jnp.floating) or jnp.ndim(image) != 4:
            raise ValueError(
                f"{function} needs {_listed(images)} as floating-point arrays [n, height, width, channels], got "
                f"{_listed(kinds)}; divide bytes by 255, and give every image its channels."
            )
    check_same_shape(function, **images)


def check_same_length(function: str, /, **arrays: Shaped[Array | np.ndarray, "_ ..."]) -> None:
    """Refuses arrays whose first axes, one entry per example, differ in length.

    Args:
        function: name of the function that was called with them.
        **arrays: by the names of that function's arguments.

    Raises:
        ValueError: two lengths differ.
    """
    shapes = {name: jnp.shape(array) for name, array in arrays.items()}
    if len({shape[0] for shape in shapes.values()}) > 1:
        raise ValueError(
            f"{function} needs {_listed(shapes)} with one entry per example, got {_listed(shapes.values())}; the first "
            "axes must have the same length."
        )


def check_same_layers(
    function: str, /, a: Sequence[Shaped[Array, "..."]], b: Sequence[Shaped[Array, "..."]]
) -> None:
    """Refuses activations of two sets of images that do not match layer by layer.

    Args:
        function: name of the function that was called with them.
        a: activations of each layer.
        b: those to compare with.

    Raises:
        ValueError: the numbers of layers differ, or two shapes in a layer.
    """
    shapes = {"a": [jnp.shape(x) for x in a], "b": [jnp.shape(x) for x in b]}
    if shapes["a"] != shapes["b"]:
        raise ValueError(
            f"{function} needs a and b with the same layers, each of the same shape, got {_listed(shapes.values())}; "
            "nothing is broadcast: compute both with the same network, from images of the same shape."
        )


def _listed(parts: Iterable[object]) -> str:
    return " and ".join(map(str, parts))
