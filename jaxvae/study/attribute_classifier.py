"""The classifier that tells which attributes images have, and in whose activations they are compared."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from jaxvae import models
from jaxvae.images import Images, as_floats
from jaxvae.pieces import in_pieces
from jaxvae.study.classifier import TrainedClassifier, train_classifier
from jaxvae.study.experiment import Experiment

_POSITIONS = 8
"""Along each side of an image, at most, where local features are taken."""


class AttributeClassifier(TrainedClassifier):
    """A classifier of attributes; its model is `jaxvae.models.Classifier`."""

    def probabilities(self, images: Images) -> Float[np.ndarray, "n k"]:
        """Probability that an image has each attribute.

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            Numbers in [0, 1].
        """
        return np.asarray(jax.nn.sigmoid(in_pieces(self._logits, (as_floats(images),))))

    def features(self, images: Images) -> Float[np.ndarray, "n d"]:
        """Activations of the last hidden layer.

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            At least 0.
        """
        return np.asarray(in_pieces(self._penultimate, (as_floats(images),)))

    def local_features(self, images: Images) -> Float[np.ndarray, "m d"]:
        """Activations of the second convolution at single positions, each of which sees 5 x 5 pixels.

        What is in the image, and where, does not show in them; edges, textures and noise do.

        Args:
            images: uint8, or float in [0, 1].

        Returns:
            Eight by eight positions of each image or fewer, at least 0.
        """
        activations = np.asarray(in_pieces(self._local, (as_floats(images),)))
        return activations.reshape(-1, activations.shape[-1])

    @cached_property
    def _local(self) -> Callable[[Any], Any]:
        def local(images: Any) -> Any:
            maps: Any = self.model.apply(self.variables, images, method="features")
            height, width = maps[0].shape[1:3]
            return maps[0][:, :: -(-height // _POSITIONS), :: -(-width // _POSITIONS)]

        return jax.jit(local)

    @cached_property
    def _penultimate(self) -> Callable[[Any], Any]:
        return jax.jit(partial(self.model.apply, self.variables, method="penultimate"))


def train_attribute_classifier(experiment: Experiment, *, epochs: int) -> AttributeClassifier:
    """Trains the classifier in the part "attributes" of a run, or takes it from there.

    Args:
        experiment: the run, of images with attributes.
        epochs: passes over the data.

    Returns:
        The classifier of the run's first seed.

    Raises:
        ValueError: the images have no attributes.
    """
    dataset = experiment.train_set
    if dataset.attributes is None:
        raise ValueError(
            f"a classifier of attributes needs images with attributes, got {dataset.spec.name!r}."
        )
    kinds = len(dataset.attributes.names)
    model = models.Classifier(dataset.spec.image_shape, kinds, hidden=(128, 64), layout=experiment.layout)
    trained = train_classifier(
        experiment, model, epochs=epochs, part="attributes", seed=experiment.config.seed, attributes=True
    )
    return AttributeClassifier(model, trained.variables, trained.accuracy)
