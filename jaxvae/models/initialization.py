"""Initial distributions of kernels and biases, by name.

`fan_in` is counted as in PyTorch: inputs of a dense layer; input channels times the kernel's area of a convolution;
output channels times the kernel's area of a transposed convolution.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import jax
from flax.linen import initializers
from jax.typing import DTypeLike
from jaxtyping import Array, Key


@dataclass(frozen=True)
class Initialization:
    """Distributions of a layer's parameters before training.

    Attributes:
        kernel: from a layer's fan-in to the initializer of its kernel.
        bias: the same for its bias.
    """

    kernel: Callable[[int], initializers.Initializer]
    bias: Callable[[int], initializers.Initializer]


def _normal(fan_in: int) -> initializers.Initializer:
    return initializers.normal(math.sqrt(2 / fan_in))


def _zeros(fan_in: int) -> initializers.Initializer:
    return initializers.zeros


def _uniform(fan_in: int) -> initializers.Initializer:
    return partial(_draw_uniform, 1 / math.sqrt(fan_in))


def _draw_uniform(
    bound: float, key: Key[Array, ""], shape: tuple[int, ...], dtype: DTypeLike = "float32"
) -> Array:
    return jax.random.uniform(key, shape, dtype, -bound, bound)


INITIALIZATIONS: Mapping[str, Initialization] = {
    "kaiming_normal": Initialization(_normal, _zeros),
    "pytorch": Initialization(_uniform, _uniform),
}
"""By name. "kaiming_normal": N(0, 2 / fan_in), the gain of ReLU, biases 0 (He et al., Delving Deep into Rectifiers,
ICCV 2015, equation 10). "pytorch": the default of PyTorch's dense and convolutional layers,
`kaiming_uniform(a=sqrt(5))`, which is uniform in ±1 / sqrt(fan_in), for kernels and biases."""


def initialization(name: str) -> Initialization:
    """Looks up an initialization.

    Args:
        name: one of `INITIALIZATIONS`.

    Returns:
        The initialization.

    Raises:
        ValueError: unknown name.
    """
    if name not in INITIALIZATIONS:
        raise ValueError(f"initialization must be one of {', '.join(INITIALIZATIONS)}, got {name!r}.")
    return INITIALIZATIONS[name]
