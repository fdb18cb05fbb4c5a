"""Random augmentation of the images, as a part of the train step."""

import dataclasses

import jax

from jaxvae.keys import AUGMENTATION
from jaxvae.train.gradients import Losses, StepInput, StepLosses
from jaxvae.train.step import Corrupt


def augmented(losses: Losses, augment: Corrupt) -> Losses:
    """Losses on augmented images: unlike those that `one_player` corrupts, both model and objective get them.

    Args:
        losses: of each player.
        augment: `(key, image, index) -> image`, such as `jaxvae.data.flip_horizontally`; part of the compiled step.

    Returns:
        The losses, for `make_step`. Each step draws from its own key, so that a resumed run draws the same.
    """

    def augmented_losses(inputs: StepInput) -> StepLosses:
        batch = inputs.batch
        image = augment(jax.random.fold_in(inputs.key, AUGMENTATION), batch.image, batch.index)
        return losses(dataclasses.replace(inputs, batch=dataclasses.replace(batch, image=image)))

    return augmented_losses
