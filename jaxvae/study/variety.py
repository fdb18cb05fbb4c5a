"""How sharp and how varied sets of images are, in the eyes of a classifier of their classes."""

import jax.numpy as jnp
import numpy as np

from jaxvae import evaluate
from jaxvae.images import Images, as_floats
from jaxvae.pieces import in_pieces
from jaxvae.study.classifier import SURE, FeatureClassifier

_COMPARED = 2_000
"""At most so many images of each set have their neighbourhoods compared: coverage depends on the number."""
_NEIGHBOURS = 5


class Variety:
    """Measures samples against real images.

    Args:
        classifier: finds the classes that images show.
        classes: how many there are.
        reals: the real images.
    """

    def __init__(self, classifier: FeatureClassifier, classes: int, reals: Images) -> None:
        self._classifier, self._classes = classifier, classes
        self._sharpness = _sharpness(reals)
        self._activations = classifier.activations(reals[:_COMPARED])

    def __call__(self, images: Images) -> dict[str, float]:
        """Measures samples.

        Args:
            images: the samples, of the shape of the real images.

        Returns:
            sharpness_ratio, 1 for the data's; sure, the share of images that the classifier is sure of;
            effective_classes, the exponential of the entropy of the classes that it finds; found_0, found_1, ..., the
            share of images in which it is sure of class 0, 1, ...; and class_coverage of the real images, if there
            are enough of them for neighbourhoods.
        """
        found, sure = self._classifier.classes(images), self._classifier.certainty(images) >= SURE
        shares = np.bincount(found, minlength=self._classes) / len(found)
        surely = np.bincount(found[sure], minlength=self._classes) / len(found)
        values = {
            "sharpness_ratio": _sharpness(images) / self._sharpness if self._sharpness else float("nan"),
            "sure": float(sure.mean()),
            "effective_classes": effective_number(shares),
            **{f"found_{place}": float(share) for place, share in enumerate(surely)},
        }
        if len(self._activations) > _NEIGHBOURS:
            some = self._classifier.activations(images[:_COMPARED])
            found_nearby = evaluate.density_coverage(self._activations, some, neighbours=_NEIGHBOURS)
            values["class_coverage"] = found_nearby.coverage
        return values


def effective_number(shares: np.ndarray) -> float:
    """The number of classes of equal share that have the entropy of these.

    Args:
        shares: [k], at least 0, of sum 1.

    Returns:
        From 1, for one class alone, to k.

    References:
        Hill, Diversity and evenness, Ecology 1973 (the number of order 1).
    """
    some = shares[shares > 0]
    return float(np.exp(-np.sum(some * np.log(some))))


def _sharpness(images: Images) -> float:
    return float(np.mean(in_pieces(evaluate.sharpness, (jnp.asarray(as_floats(images)),))))
