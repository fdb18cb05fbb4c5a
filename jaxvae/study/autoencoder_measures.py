"""What is measured of every trained autoencoder on the held-out images."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Array, Float
from typing_extensions import override

from jaxvae import cli, evaluate, losses, models
from jaxvae.run import Run
from jaxvae.study.classifier import FeatureClassifier
from jaxvae.study.experiment import Experiment
from jaxvae.study.inception import InceptionDistances
from jaxvae.study.measuring import ByModel, Measuring, reconstruction_evaluator
from jaxvae.study.training import forward
from jaxvae.study.variety import Variety
from jaxvae.types import Batch, Posterior, Variables


class AutoencoderMeasures(Measuring):
    """Measures trained autoencoders, each against its own prior.

    Args:
        experiment: the run, whose held-out images are used.
        config: its flags, which say how many samples are drawn and how they are compared.
        classifier: computes "classifier_fid".
        inception: computes "fid"; without it there is none.
        inception_samples: images for it, of the model and of the held-out images; all samples if not given.
    """

    def __init__(
        self,
        experiment: Experiment,
        config: cli.StudyConfig,
        classifier: FeatureClassifier,
        inception: evaluate.Inception | None = None,
        *,
        inception_samples: int | None = None,
    ) -> None:
        samples, bound_samples = config.samples, config.bound_samples
        reals = experiment.test_set.images[:samples]
        super().__init__(
            experiment,
            {"samples": samples, "images": len(reals), "bound_samples": bound_samples},
        )
        self._classifier, self._samples = classifier, samples
        self._real_moments = classifier.moments(reals)
        self._variety = Variety(classifier, len(experiment.class_names), reals)
        self._evaluator = ByModel(partial(autoencoder_evaluator, bound_samples=bound_samples))
        self._inception_samples = min(samples, inception_samples or samples)
        self._distances = InceptionDistances(
            inception,
            reals[: self._inception_samples],
            resize=config.resize,
            precision=config.precision,
        )
        if self._distances.protocol:
            self.protocol |= {"fid_samples": self._inception_samples} | self._distances.protocol

    @property
    @override
    def words(self) -> str:
        images, samples = self.protocol["images"], self.protocol["samples"]
        text = f"Measured on {images:,} {self.experiment.measured_on}; distances are of {samples:,} samples to them"
        if not self._distances.words:
            return text
        of = (
            "" if self._inception_samples == samples else f" of the first {self._inception_samples:,} of both"
        )
        return f"{text}; FID and KID{of} by {self._distances.words}"

    def measure(self, run: Run) -> dict[str, float]:
        """Measures one model.

        Args:
            run: the trained model; its seed decides which samples are drawn.

        Returns:
            bce, kl, elbo and iwae in nats per image; kl_1, kl_2, ..., the KL divergence of single dimensions from the
            largest down; mse and ssim of reconstructions, active_units, classifier_fid, parameters; of samples what
            `Variety` gives; and fid, kid, density and coverage if there is an Inception network.
        """
        experiment = self.experiment
        metrics = dict(self._evaluator(run.model)(run.evaluation_key, run.variables, experiment.batches))
        posteriors = run.encode(experiment.test_set.images)
        samples = np.asarray(run.sample(self._samples, seed=run.seed))
        classifier_fid = evaluate.frechet_distance(self._classifier.moments(samples), self._real_moments)
        metrics |= {
            "elbo": -(metrics["bce"] + metrics["kl"]),
            **_kl_by_dimension(posteriors, models.normal_priors(run.autoencoder)),
            "active_units": float(sum(evaluate.active_units(q) for q in posteriors)),
            "classifier_fid": classifier_fid,
            "parameters": run.parameters,
            **self._variety(samples),
        }
        names = ("fid", "kid", "density", "coverage")
        return metrics | self._distances(samples[: self._inception_samples], names=names)


def lower_bound(run: Run, batches: Sequence[Batch]) -> dict[str, float]:
    """The evidence lower bound of a trained model with Bernoulli pixels, and its two parts.

    Args:
        run: the model.
        batches: images, with labels if the model is conditional.

    Returns:
        bce, kl and elbo = -(bce + kl), nats per image.
    """
    priors = models.own_priors(run.autoencoder)
    terms = {"bce": losses.reconstruction("bernoulli"), "kl": losses.kl(priors)}
    objective = losses.compose(terms, dict.fromkeys(terms, 1.0))
    evaluator = evaluate.objective_evaluator(forward(run.model), objective)
    values = evaluator(run.evaluation_key, run.variables, batches)
    return values | {"elbo": -(values["bce"] + values["kl"])}


def _kl_by_dimension(posteriors: Sequence[Posterior], priors: Sequence[models.Normal]) -> dict[str, float]:
    """KL divergence of each dimension of all levels in nats, the largest first, since their places say nothing."""
    values = [
        losses.kl_normal_per_dimension(q, loc=prior.loc, scale=prior.scale).mean(0)
        for q, prior in zip(posteriors, priors, strict=True)
    ]
    falling = np.sort(np.concatenate(values))[::-1]
    return {f"kl_{place}": float(value) for place, value in enumerate(falling, start=1)}


def autoencoder_evaluator(model: models.Autoencoder, *, bound_samples: int) -> evaluate.Evaluator:
    """Builds an evaluator of an autoencoder with Bernoulli pixels and the prior that is its own.

    Args:
        model: an autoencoder.
        bound_samples: draws from the posterior for each image in the importance-weighted bound.

    Returns:
        An evaluator of kl, bce and iwae in nats per image, and of mse and ssim of the reconstructions.
    """

    def decode(variables: Variables, codes: models.Latents) -> Float[Array, "n h w c"]:
        logits: Any = model.apply(variables, codes, method="decode")
        return logits

    encode, priors = partial(models.encode, model), models.own_priors(model)
    return evaluate.combine(
        reconstruction_evaluator(model),
        evaluate.importance_evaluator(encode, decode, priors, samples=bound_samples),
    )
