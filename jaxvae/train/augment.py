"""Images that are changed at random before anything sees them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxvae.train.step import Corrupt, Losses, Metrics
from jaxvae.types import Batch

_AUGMENTATION = 2**32 - 2  # apart from the key of a corruption, and from those that `split` makes


def augmented(losses: Losses, augment: Corrupt) -> Losses:
    """Losses on changed images: model and objective both see these, unlike those that `one_player` corrupts.

    Args:
        losses: of each player.
        augment: `(key, image, index) -> image`, such as `jaxvae.data.flip_horizontally`; part of the compiled step.

    Returns:
        What `make_step` takes. Each step draws anew, from its own key, so that a resumed run draws the same.
    """

    def changed(
        key: Key[Array, ""],
        params: Mapping[str, PyTree],
        model_state: Mapping[str, PyTree],
        batch: Batch,
        step: Int[Array, ""],
        hyper: Mapping[str, Any],
    ) -> tuple[Mapping[str, Float[Array, ""]], tuple[Mapping[str, PyTree], Metrics]]:
        image = augment(jax.random.fold_in(key, _AUGMENTATION), batch.image, batch.index)
        return losses(key, params, model_state, dataclasses.replace(batch, image=image), step, hyper)

    return changed
