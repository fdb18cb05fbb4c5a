"""Batches that are spread over devices, made whole again."""

import jax
from jaxtyping import Array, Shaped


def gathered(values: Shaped[Array, "n ..."], axis_name: str | None) -> Shaped[Array, "m ..."]:
    """The values of the global batch, on every device.

    Args:
        values: of the examples on this device.
        axis_name: name of the mapped axis over devices under `pmap`; None where a batch is whole already.

    Returns:
        Those of all devices, in their order.
    """
    return values if axis_name is None else jax.lax.all_gather(values, axis_name, tiled=True)
