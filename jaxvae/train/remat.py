"""Activations that are computed again in the backward pass rather than kept until then."""

from dataclasses import replace
from typing import Any

import jax

from jaxvae.train.gradients import Losses, StepInput, StepLosses

KEPT = ("conv_general_dilated", "dot_general")
"""Operations whose results are kept: to compute these again would cost the most time."""


def rematerialized(losses: Losses) -> Losses:
    """Losses whose backward pass keeps the results of convolutions and matrix products, and computes all else again.

    What is between them, such as normalised and rectified activations, then takes no memory between the passes.

    Args:
        losses: of all players.

    Returns:
        The losses, for `make_step`, with the same values, and the same gradients up to rounding.
    """

    def rematerialized_losses(inputs: StepInput) -> StepLosses:
        def at(params: Any) -> StepLosses:
            return losses(replace(inputs, params=params))

        return jax.checkpoint(at, policy=_kept)(inputs.params)

    return rematerialized_losses


def _kept(primitive: Any, *_: Any, **__: Any) -> bool:
    return primitive.name in KEPT
