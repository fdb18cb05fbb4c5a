"""What is measured of the VAE-GAN and its baselines: samples, reconstructions, and the attributes of images."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float
from typing_extensions import override

import jaxvae
from experiments.vae_gan_hybrids.vaegan_config import VAEGANConfig
from jaxvae import data, evaluate, study
from jaxvae.images import as_floats

Pictures = Float[np.ndarray, "n h w c"]
Vectors = Bool[np.ndarray, "n k"]

_COMPARED = 1000
"""Reconstructions that are compared, at most."""

_SURE = 0.9
"""Probability from which on a classifier counts as sure."""


class Measures(study.Measuring):
    """Measures models by their images alone, so that all kinds of model are measured alike.

    Distances of sets are to the held-out images if there are as many as samples, else to these and to training images
    in place of the missing ones.

    Args:
        experiment: the run, of images with attributes.
        config: its flags.
        kinds: "vae", "gan" or "vaegan", by variant.
        classifier: tells which attributes images have.
        inception: the network that FID is computed with; without one there is none.

    Attributes:
        kinds: as given.
        names: of the attributes.
        wanted: [n, k], what samples of conditional models are asked for: the held-out images' attributes.
        truth: [m, k], the held-out images' attributes.
        unseen: [m, k], combinations of held-out images that no training image has.

    Raises:
        ValueError: images without attributes.
    """

    def __init__(
        self,
        experiment: study.Experiment,
        config: VAEGANConfig,
        kinds: Mapping[str, str],
        classifier: study.AttributeClassifier,
        inception: evaluate.Inception | None,
    ) -> None:
        self._config, self._classifier, self.kinds = config, classifier, kinds
        self._reals, which = study.real_images(experiment, config.samples)
        self._inception = study.InceptionDistances(
            inception, self._reals, resize=config.resize, precision=config.precision
        )
        seen, truth = experiment.train_set.attributes, experiment.test_set.attributes
        if seen is None or truth is None:
            raise ValueError("the attributes of images are measured, and these images have none.")
        self.names, self.truth = attribute_names(experiment), truth.values
        self.wanted = np.resize(self.truth, (config.samples, len(self.names)))
        self.unseen = data.new_combinations(seen, truth)
        self._diversity = study.Diversity(self._reals[: config.samples], self._features)
        self._sharpness = _sharpness(self._reals)
        self._views = LocalAndGlobal(classifier, self._reals)
        protocol = {
            "samples": config.samples,
            "reference": which,
            "reference_images": len(self._reals),
            "attributes": ", ".join(self.names),
            "attribute_ceiling": classifier.accuracy,
            "unseen_combinations": len(self.unseen),
        }
        super().__init__(experiment, protocol | self._inception.protocol)

    @property
    @override
    def words(self) -> str:
        text = (
            f"{self.protocol['samples']:,} samples of each model against {self.protocol['reference_images']:,} "
            f"{self.protocol['reference']}; a classifier finds the attributes of images and is right about "
            f"{self._classifier.accuracy:.1%} of those of the held-out images, which is the ceiling"
        )
        return f"{text}; FID and KID by {self._inception.words}" if self._inception.words else text

    def real(self) -> dict[str, float]:
        """What the held-out images themselves reach."""
        images = self.experiment.test_set.images
        new = np.array([row.tobytes() in {each.tobytes() for each in self.unseen} for row in self.truth])
        values = {"sharpness_ratio": 1.0, "diversity": 1.0, "distinctness": 1.0}
        values |= self._attributes(images, self.truth)
        if new.any():
            measured = self._attributes(images[new], self.truth[new])
            values["attribute_unseen"] = measured["attribute_accuracy"]
        return values

    def samples(self, run: jaxvae.Run, n: int) -> Pictures:
        """Images drawn from a model, of the wanted attributes if it is conditional.

        Args:
            run: the model.
            n: how many, at most those that are measured.

        Returns:
            The same at every call.
        """
        n = min(n, self._config.samples)
        labels = self.wanted[:n] if run.model.label_field else None
        return np.asarray(run.sample(n, seed=run.seed, labels=labels))

    def reconstruct(self, run: jaxvae.Run, n: int) -> Pictures:
        """Held-out images encoded and decoded, with their attributes if the model is conditional.

        Args:
            run: a model with an encoder that has learnt to encode.
            n: how many of the first images, if there are.

        Returns:
            In [0, 1].
        """
        labels = self.truth[:n] if run.model.label_field else None
        return np.asarray(run.reconstruct(self.experiment.test_set.images[:n], labels=labels))

    def measure(self, run: jaxvae.Run) -> dict[str, float]:
        """Measures one model.

        Args:
            run: the model.

        Returns:
            sharpness_ratio, diversity and distinctness of samples, 1 for the data's, what `LocalAndGlobal` measures,
            and fid and kid if there is an Inception network. For models that reconstruct also mse, error_centre,
            error_border, feature_distance, recognised and attributes_kept;
            for conditional ones attribute_accuracy, attribute_floor, attribute_exact, attribute_cosine and, for each
            attribute from 0, attribute_0, ...; attribute_unseen if there are combinations that training has not seen.
        """
        drawn = self.samples(run, self._config.samples)
        values = {
            "sharpness_ratio": _share(_sharpness(drawn), self._sharpness),
            **self._diversity(drawn),
            **self._views(drawn),
            **self._inception(drawn),
        }
        if run.model.label_field:
            values |= self._attributes(drawn, self.wanted) | self._unseen(run)
        if self.kinds[run.variant] != "gan":
            values |= self._reconstructions(run)
        return values

    def _features(self, images: Any) -> Any:
        return jnp.asarray(self._classifier.features(images))

    def _attributes(self, images: Any, wanted: Vectors) -> dict[str, float]:
        """How far the classifier finds in images what they should have; the floor is how far in those of others."""
        probabilities = self._classifier.probabilities(images)
        right = (probabilities > 0.5) == wanted
        others = (probabilities > 0.5) == np.random.default_rng(0).permutation(wanted)
        cosine = evaluate.attribute_similarity(jnp.asarray(probabilities), jnp.asarray(wanted, jnp.float32))
        return {
            "attribute_accuracy": float(right.mean()),
            "attribute_floor": float(others.mean()),
            "attribute_exact": float(right.all(axis=1).mean()),
            "attribute_cosine": float(cosine.mean()),
            **{f"attribute_{place}": float(share) for place, share in enumerate(right.mean(axis=0))},
        }

    def _unseen(self, run: jaxvae.Run) -> dict[str, float]:
        if not len(self.unseen):
            return {}
        wanted = np.resize(self.unseen, self.wanted.shape)
        drawn = run.sample(len(wanted), seed=run.seed, labels=wanted)
        return {"attribute_unseen": self._attributes(np.asarray(drawn), wanted)["attribute_accuracy"]}

    def _reconstructions(self, run: jaxvae.Run) -> dict[str, float]:
        """How near reconstructions come to their images, and whether each is nearest to its own."""
        images = self.experiment.test_set.images[:_COMPARED]
        reconstructed = self.reconstruct(run, len(images))
        own, other = (np.asarray(self._features(x), np.float64) for x in (images, reconstructed))
        squared = np.sum(other**2, 1)[:, None] - 2 * other @ own.T + np.sum(own**2, 1)
        kept = (self._classifier.probabilities(reconstructed) > 0.5) == self.truth[: len(images)]
        errors = np.square(reconstructed - as_floats(images))
        return {
            "mse": float(errors.mean()),
            **error_by_region(images, reconstructed),
            "feature_distance": _share(
                float(np.linalg.norm(own - other, axis=1).mean()), self._diversity.diversity
            ),
            "recognised": float(np.mean(squared.argmin(axis=1) == np.arange(len(images)))),
            "attributes_kept": float(kept.mean()),
        }


class LocalAndGlobal:
    """Tells images that are right in places from images that are right as a whole.

    Args:
        classifier: of attributes, in whose activations images are compared.
        reals: the images that others are compared with.
    """

    def __init__(self, classifier: study.AttributeClassifier, reals: Any) -> None:
        self._classifier = classifier
        self._local, self._global = self._moments(reals)
        self._certainty, self._sharpness = self._sure(reals), _sharpness_by_region(reals)

    def __call__(self, images: Pictures) -> dict[str, float]:
        """Measures samples.

        Args:
            images: in [0, 1].

        Returns:
            local_distance and global_distance, as shares of the variance of the real images' features; certainty,
            sharpness_centre and sharpness_border, 1 for the real images'.
        """
        local, whole = self._moments(images)
        regions = zip(("centre", "border"), _sharpness_by_region(images), self._sharpness, strict=True)
        return {
            "local_distance": _apart(local, self._local),
            "global_distance": _apart(whole, self._global),
            "certainty": _share(self._sure(images), self._certainty),
            **{f"sharpness_{region}": _share(own, real) for region, own, real in regions},
        }

    def _moments(self, images: Any) -> tuple[evaluate.Moments, evaluate.Moments]:
        local, whole = self._classifier.local_features(images), self._classifier.features(images)
        return evaluate.moments(local), evaluate.moments(whole)

    def _sure(self, images: Any) -> float:
        return float(np.mean(np.abs(self._classifier.probabilities(images) - 0.5) > _SURE - 0.5))


def error_by_region(images: Any, reconstructed: Pictures) -> dict[str, float]:
    """Squared error in the central disc and at the border, where images differ most from each other.

    Args:
        images: uint8, or float in [0, 1], at least two.
        reconstructed: of the same shape, in [0, 1].

    Returns:
        error_centre and error_border, divided by the images' variance over the set in the same region.
    """
    real, again = (jnp.asarray(as_floats(each)) for each in (images, reconstructed))
    # The mean image is the best reconstruction that knows nothing of the image.
    mean = jnp.broadcast_to(jnp.mean(real, axis=0, keepdims=True), real.shape)
    errors, spread = evaluate.regional_mse(again, real), evaluate.regional_mse(mean, real)
    return {
        f"error_{region}": _share(float(error.mean()), float(of.mean()))
        for region, error, of in zip(("centre", "border"), errors, spread, strict=True)
    }


def attribute_names(experiment: study.Experiment) -> tuple[str, ...]:
    """What the attributes are called."""
    attributes = experiment.train_set.attributes
    return () if attributes is None else attributes.names


def _share(value: float, of_data: float) -> float:
    # Flat or duplicated data have no spread to divide by.
    return value / of_data if of_data else 1.0


def _apart(own: evaluate.Moments, real: evaluate.Moments) -> float:
    return _share(evaluate.frechet_distance(own, real), float(np.trace(real.covariance)))


def _sharpness_by_region(images: Any) -> tuple[float, ...]:
    return tuple(float(each.mean()) for each in evaluate.regional_sharpness(jnp.asarray(as_floats(images))))


def _sharpness(images: Any) -> float:
    return float(jnp.mean(evaluate.sharpness(jnp.asarray(as_floats(images)))))
