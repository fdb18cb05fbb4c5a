"""Activations that are computed again in the backward pass rather than kept until then."""

from collections.abc import Callable
from typing import Any, TypeVar

from flax import linen as nn

T = TypeVar("T")


def part(module: nn.Module, run: Callable[..., T], *inputs: Any) -> T:
    """Runs a part of a network, such as its encoder, as the network's layout says (`Layout.remat`).

    Between the passes only the inputs and the result of a part that is computed again take memory, and while the
    backward pass is in one part the activations of the others take none.

    Args:
        module: the network.
        run: `(module, *inputs) -> result`, the part.
        *inputs: arrays, or trees of them.

    Returns:
        The result, the same whether activations are kept or computed again.
    """
    layout = getattr(module, "layout", None)
    if layout is None or not layout.remat or module.is_initializing():
        return run(module, *inputs)
    # Without barriers XLA would find both computations in one loop's body, see that they are the same, and keep one.
    return nn.remat(run, prevent_cse=True)(module, *inputs)
