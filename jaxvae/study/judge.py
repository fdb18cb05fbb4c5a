"""The judge: a classifier good enough to say what an image shows, trained in a part of the run."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jaxvae import data, models
from jaxvae.images import Images, as_floats
from jaxvae.pieces import in_pieces
from jaxvae.study.classifier import TrainedClassifier, train_classifier
from jaxvae.study.experiment import Experiment

PEAK = 3e-3
"""Adam's largest step size."""


class Judge(TrainedClassifier):
    """A classifier that says how probable each class is; its model is `jaxvae.models.ResidualClassifier`."""

    def probabilities(self, images: Images) -> Float[np.ndarray, "n classes"]:
        """Probability of each class.

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            Rows that sum to 1.
        """
        logits = jnp.asarray(in_pieces(self._logits, (as_floats(images),)))
        return np.asarray(jax.nn.softmax(logits), np.float64)


def train_judge(
    experiment: Experiment,
    images: data.Dataset,
    test_images: data.Dataset | None,
    *,
    widths: tuple[int, ...] = (32, 64, 128),
    epochs: int,
) -> Judge:
    """Trains the judge in the part "judge" of a run, or takes it from there.

    Images are mirrored, and moved by up to an eighth of their height. Adam's step size rises to 3e-3 over the first
    fifth of the training and falls to 0 along a half cosine.

    Args:
        experiment: the run.
        images: what it learns from, all with labels.
        test_images: what its accuracy is measured on, of the same classes; the experiment's held-out images if None.
        widths: channels of the network's stages.
        epochs: passes over the data.

    Returns:
        The classifier of the run's first seed.
    """
    spec = images.spec
    model = models.ResidualClassifier(
        spec.image_shape, len(spec.class_names), widths, layout=experiment.layout
    )
    trained = train_classifier(
        experiment,
        model,
        epochs=epochs,
        part="judge",
        seed=experiment.config.seed,
        images=images,
        test_images=test_images,
        peak=PEAK,
        warmup=0.2,
        augment=partial(_mirrored_and_moved, pixels=spec.image_shape[0] // 8),
    )
    return Judge(model, trained.variables, trained.accuracy)


def _mirrored_and_moved(
    key: Key[Array, ""], image: Float[Array, "n h w c"], index: Int[Array, " n"], *, pixels: int
) -> Float[Array, "n h w c"]:
    to_mirror, to_move = jax.random.split(key)
    return data.shift(to_move, data.flip_horizontally(to_mirror, image, index), index, pixels=pixels)
