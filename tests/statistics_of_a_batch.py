"""Running statistics near those of a batch, as after many of its kind."""

import jax

from jaxvae.models.layers import MOMENTUM


def near_statistics(variables, updated):
    """`variables` with the statistics of the batch that updated them once.

    Normalization in training is float32's near them only; from others it loses digits, so that what is compared to
    float32's precision begins here.
    """
    return dict(variables) | jax.tree.map(
        lambda old, new: old + (new - old) / (1 - MOMENTUM),
        {name: variables[name] for name in updated},
        dict(updated),
    )
