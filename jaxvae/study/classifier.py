"""Classifiers that measure images: features for a perceptual loss, and a Fréchet distance that knows classes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxvae import data, evaluate, losses, models, train
from jaxvae.images import Images, as_floats
from jaxvae.pieces import in_pieces
from jaxvae.study.experiment import Experiment
from jaxvae.study.training import Training, forward
from jaxvae.train.step import Corrupt
from jaxvae.types import Model, Variables

SURE = 0.9
"""Probability of a class from which on a classifier counts as sure."""


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained classifier.

    Attributes:
        model: the network.
        variables: its parameters.
        accuracy: share of the held-out images that it classifies correctly.
    """

    model: Model
    variables: Variables
    accuracy: float

    def logits(self, images: Float[Array, "n h w c"]) -> Float[Array, "n classes"]:
        """One unbounded number for each class, differentiable in the images.

        Args:
            images: in [0, 1].

        Returns:
            Logits; their softmax is the probability.
        """
        return self.model.apply(self.variables, jax.random.key(0), images, jnp.arange(len(images)))

    def classes(self, images: Images) -> Int[np.ndarray, " n"]:
        """The predicted class of each image.

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            The class with the largest logit.
        """
        return np.argmax(np.asarray(in_pieces(self._logits, (as_floats(images),))), axis=1)

    @cached_property
    def _logits(self) -> Callable[[Any], Any]:
        return jax.jit(self.logits)


class FeatureClassifier(TrainedClassifier):
    """A classifier in whose activations images are compared; its model is `jaxvae.models.Classifier`."""

    def certainty(self, images: Images) -> Float[np.ndarray, " n"]:
        """Probability of the most probable class of each image, near 1 where the classifier is sure.

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            Numbers from 1 / classes to 1.
        """
        logits = in_pieces(self._logits, (as_floats(images),))
        return np.asarray(jax.nn.softmax(logits, axis=1).max(axis=1))

    def share_sure(self, images: Images) -> float:
        """Share of images that the classifier is sure of: one class has a probability of at least `SURE`.

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            In [0, 1].
        """
        return float(np.mean(self.certainty(images) >= SURE))

    @property
    def features(self) -> losses.Features:
        """Images in [0, 1] to the activations that `jaxvae.losses.perceptual` compares."""
        features: Any = partial(self.model.apply, self.variables, method="features")
        return features

    def activations(self, images: Images) -> Float[np.ndarray, "n d"]:
        """The last hidden layer, whose Fréchet distance is the "classifier FID".

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            Activations, at least 0.
        """
        return np.asarray(in_pieces(self._penultimate, (as_floats(images),)))

    def moments(self, images: Images) -> evaluate.Moments:
        """Moments of `activations`.

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            Mean and covariance of the activations, for `jaxvae.evaluate.frechet_distance`.
        """
        return evaluate.moments(self.activations(images))

    @cached_property
    def _penultimate(self) -> Callable[[Any], Any]:
        return jax.jit(partial(self.model.apply, self.variables, method="penultimate"))


def train_classifier(
    experiment: Experiment,
    model: Model,
    *,
    epochs: int,
    part: str,
    seed: int,
    images: data.Dataset | None = None,
    test_images: data.Dataset | None = None,
    attributes: bool = False,
    peak: float = 1e-3,
    warmup: float = 0.0,
    augment: Corrupt | None = None,
) -> TrainedClassifier:
    """Trains a classifier in a part of a run, or takes it from there.

    Adam's step size falls from its peak to 0 along a half cosine.

    Args:
        experiment: the run.
        model: the Flax module, whose output is logits.
        epochs: passes over the data.
        part: the name of the training.
        seed: of parameters and order.
        images: the training data; the experiment's if not given.
        test_images: what its accuracy is measured on; the experiment's held-out images if not given.
        attributes: whether the logits are of attributes, each present or absent in an image, rather than of classes;
            the accuracy is then the mean over attributes.
        peak: Adam's largest step size.
        warmup: share of the training, in [0, 1), over which the step size rises to it.
        augment: what is done to the training images, such as `jaxvae.data.flip_horizontally`.

    Returns:
        The trained classifier.
    """
    source, batches = experiment.source, experiment.batches
    if test_images is not None:
        batches = data.batches(test_images, batch_size=min(250, len(test_images)))
    if images is not None:
        config = experiment.config
        source = data.serve(images, batch_size=config.batch_size, remainder=config.remainder)
    terms = {"cross_entropy": losses.classification(), "error": losses.misclassification()}
    if attributes:
        terms = {"cross_entropy": losses.attribute_likelihood(), "error": losses.attribute_error()}
    steps = epochs * source.steps_per_epoch
    training = Training(
        model=model,
        variants={part: {}},
        terms=terms,
        weights={"cross_entropy": 1.0, "error": 0.0},
        optimizer=train.adam(train.schedule(peak, steps=steps, warmup=int(warmup * steps))),
        epochs=epochs,
        source=source,
        validation=batches,
        augment=augment,
    )
    run = experiment.train_one(training, part=part, seed=seed)
    score = evaluate.objective_evaluator(
        forward(model), losses.compose({"error": terms["error"]}, {"error": 1.0})
    )
    error = score(run.evaluation_key, run.variables, batches)["error"]
    return TrainedClassifier(model, run.variables, 1 - error)


def train_feature_classifier(experiment: Experiment, *, epochs: int) -> FeatureClassifier:
    """Trains the classifier that images are compared by in the part "classifier" of a run, or takes it from there.

    Args:
        experiment: the run.
        epochs: passes over the data.

    Returns:
        The classifier of the run's first seed.
    """
    model = models.Classifier(experiment.image_shape, len(experiment.class_names), layout=experiment.layout)
    seed = experiment.config.seed
    trained = train_classifier(experiment, model, epochs=epochs, part="classifier", seed=seed)
    return FeatureClassifier(model, trained.variables, trained.accuracy)
