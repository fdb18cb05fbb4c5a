"""The classifier that judges images: features for a perceptual loss, and a Fréchet distance that knows classes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from jaxvae import evaluate, losses, models, train
from jaxvae.study.experiment import Experiment, forward
from jaxvae.types import Variables

Images = Float[Array | np.ndarray, "n h w c"] | UInt8[Array | np.ndarray, "n h w c"]
_PIECE = 1000


@dataclass(frozen=True)
class Judge:
    """A trained classifier.

    Attributes:
        model: the network.
        variables: its parameters.
        accuracy: share of the validation images that it classifies rightly.
    """

    model: models.Classifier
    variables: Variables
    accuracy: float

    @property
    def features(self) -> losses.Features:
        """Images in [0, 1] to the activations that `jaxvae.losses.perceptual` compares."""
        features: Any = partial(self.model.apply, self.variables, method="features")
        return features

    def moments(self, images: Images) -> evaluate.Moments:
        """What `jaxvae.evaluate.frechet_distance` compares, in the last hidden layer: "classifier FID".

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            Mean and covariance of the activations.
        """
        whole = images.astype(np.float32) / 255 if images.dtype == np.uint8 else images
        starts = range(0, len(whole), _PIECE)
        parts = [self._penultimate(jnp.asarray(whole[start : start + _PIECE])) for start in starts]
        return evaluate.moments(np.concatenate(parts))

    @cached_property
    def _penultimate(self) -> Callable[[Any], Any]:
        return jax.jit(partial(self.model.apply, self.variables, method="penultimate"))


def train_judge(experiment: Experiment, *, epochs: int) -> Judge:
    """Trains the classifier in the part "classifier" of a run, or takes it from there.

    Adam's step size starts at 1e-3 and falls to 0 along a half cosine.

    Args:
        experiment: the run, opened.
        epochs: passes over the data.

    Returns:
        The classifier of the run's first seed.
    """
    spec, seed = experiment.source.dataset.spec, experiment.config.seed
    model = models.Classifier(spec.image_shape, len(spec.class_names), layout=experiment.layout)
    terms = {"cross_entropy": losses.classification(), "error": losses.misclassification()}
    weights = {"cross_entropy": 1.0, "error": 0.0}
    replica = train.Replica("classifier", seed, {})
    steps = epochs * experiment.source.steps_per_epoch
    state = experiment.fit(
        [replica],
        model=model,
        objective=lambda axis: losses.compose(terms, weights, axis_name=axis),
        optimizer=train.adam(train.schedule(1e-3, steps=steps)),
        epochs=epochs,
        part="classifier",
    )
    variables = state.replica(0).variables
    score = evaluate.objective_evaluator(
        forward(model), losses.compose({"error": terms["error"]}, {"error": 1.0})
    )
    error = score(replica.evaluation_key, variables, experiment.batches)["error"]
    return Judge(model, variables, 1 - error)
