"""Gathers a batch that is spread over devices."""

import jax
from jaxtyping import Array, Shaped


def gathered(values: Shaped[Array, "n ..."], axis_name: str | None) -> Shaped[Array, "m ..."]:
    """Values of the global batch, on every device.

    Args:
        values: [n, ...], one entry per example on this device.
        axis_name: name of the mapped axis over devices in mode "pmap"; None if the batch is whole already.

    Returns:
        [m, ...], the values of all devices, in the order of the devices.
    """
    return values if axis_name is None else jax.lax.all_gather(values, axis_name, tiled=True)
