"""The processes that `jax.distributed` has joined: which one this is, and what they tell each other.

Alone, a process is the first of one.
"""

import jax
import numpy as np
from jax.experimental import multihost_utils


def is_first() -> bool:
    """Whether this is the process that writes what a run leaves."""
    return jax.process_index() == 0


def tell(value: int) -> list[int]:
    """What all processes say, once every one of them has said it.

    Args:
        value: of this process, from 0 to 2**32 - 1.

    Returns:
        The values in the order of the processes.
    """
    if jax.process_count() == 1:
        return [value]
    told = multihost_utils.process_allgather(np.uint32(value))
    return [int(each) for each in told]
