"""What is measured of every trained autoencoder on the validation images."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from jaxvae import evaluate, losses, models, train
from jaxvae.run import Run
from jaxvae.study.classifier import FeatureClassifier
from jaxvae.study.experiment import Experiment, forward
from jaxvae.study.inception import InceptionDistances
from jaxvae.study.kept import kept
from jaxvae.types import Batch, Posterior, Variables


class Measures:
    """Measures trained autoencoders, each against the prior that is its own.

    What was measured before an interruption is taken from `measures.jsonl` in the run's directory; a run's report ends
    that file.

    Args:
        experiment: the run, whose validation images are used.
        judge: the classifier that "classifier_fid" is computed with.
        samples: images drawn from each model, against as many validation images, if there are.
        bound_samples: draws from the posterior for each image in the importance-weighted bound.
        inception: the network that "fid" is computed with; without one there is none.
        inception_samples: images for it, of the model and of the validation images; `samples` if not given.
        resize: how images come to that network's size.

    Attributes:
        protocol: how distances and bounds are computed, for results.json.
    """

    def __init__(
        self,
        experiment: Experiment,
        judge: FeatureClassifier,
        *,
        samples: int,
        bound_samples: int,
        inception: evaluate.Inception | None = None,
        inception_samples: int | None = None,
        resize: str = "bilinear",
    ) -> None:
        self._experiment, self._judge = experiment, judge
        self._samples, self._bound_samples = samples, bound_samples
        self._evaluators: dict[Any, evaluate.Evaluator] = {}
        reals = experiment.test_set.images[:samples]
        self._real_digits = judge.moments(reals)
        self._inception_samples = min(samples, inception_samples or samples)
        self._distances = InceptionDistances(
            inception,
            reals[: self._inception_samples],
            resize=resize,
            precision=experiment.config.precision,
        )
        self.protocol: dict[str, Any] = {
            "samples": samples,
            "validation_images": len(reals),
            "bound_samples": bound_samples,
        }
        if self._distances.protocol:
            self.protocol |= {"fid_samples": self._inception_samples} | self._distances.protocol

    def __call__(self, run: Run) -> dict[str, float]:
        """Measures one.

        Args:
            run: the trained model, of the experiment's data; its seed decides which samples are drawn.

        Returns:
            bce, kl, elbo and iwae in nats per image; kl_1, kl_2, ..., the KL divergence of single dimensions from the
            largest down; mse and ssim of reconstructions, active_units, classifier_fid; and fid, kid, density and
            coverage if there is an Inception network.
        """
        return kept(self._experiment.workdir, run, self._measure, protocol=self.protocol)

    @property
    def words(self) -> str:
        """How distances are computed, in a sentence without its full stop."""
        images, samples = self.protocol["validation_images"], self.protocol["samples"]
        text = f"Measured on {images:,} validation images; distances are of {samples:,} samples to them"
        if not self._distances.words:
            return text
        of = (
            "" if self._inception_samples == samples else f" of the first {self._inception_samples:,} of both"
        )
        return f"{text}; FID and KID{of} by {self._distances.words}"

    def _measure(self, run: Run) -> dict[str, float]:
        experiment = self._experiment
        key = train.Replica(run.variant, run.seed, {}).evaluation_key
        metrics = self._evaluator(run.model)(key, run.variables, experiment.batches)
        posteriors = run.encode(experiment.test_set.images)
        samples = np.asarray(run.sample(self._samples, seed=run.seed))
        metrics |= {
            "elbo": -(metrics["bce"] + metrics["kl"]),
            **_kl_by_dimension(posteriors, models.normal_priors(run.model)),
            "active_units": float(sum(evaluate.active_units(q) for q in posteriors)),
            "classifier_fid": evaluate.frechet_distance(self._judge.moments(samples), self._real_digits),
        }
        names = ("fid", "kid", "density", "coverage")
        return metrics | self._distances(samples[: self._inception_samples], names=names)

    def _evaluator(self, model: Any) -> evaluate.Evaluator:
        """One for all models that differ in their variables alone, so that it is compiled once."""
        kind = str(models.describe(model) | {"initialization": None})
        if kind not in self._evaluators:
            self._evaluators[kind] = autoencoder_evaluator(model, bound_samples=self._bound_samples)
        return self._evaluators[kind]


def lower_bound(run: Run, batches: Sequence[Batch]) -> dict[str, float]:
    """The evidence lower bound of a trained model with Bernoulli pixels, and its two parts.

    Args:
        run: the model.
        batches: images, with labels if the model is conditional.

    Returns:
        bce, kl and elbo = -(bce + kl), nats per image.
    """
    priors = models.own_priors(run.model)
    terms = {"bce": losses.reconstruction("bernoulli"), "kl": losses.kl(priors)}
    objective = losses.compose(terms, dict.fromkeys(terms, 1.0))
    key = train.Replica(run.variant, run.seed, {}).evaluation_key
    values = evaluate.objective_evaluator(forward(run.model), objective)(key, run.variables, batches)
    return values | {"elbo": -(values["bce"] + values["kl"])}


def _kl_by_dimension(posteriors: Sequence[Posterior], priors: Sequence[models.Normal]) -> dict[str, float]:
    """KL divergence of each dimension of all levels in nats, the largest first, since their places say nothing."""
    values = [
        losses.kl_normal_per_dimension(q, loc=prior.loc, scale=prior.scale).mean(0)
        for q, prior in zip(posteriors, priors, strict=True)
    ]
    falling = np.sort(np.concatenate(values))[::-1]
    return {f"kl_{place}": float(value) for place, value in enumerate(falling, start=1)}


def autoencoder_evaluator(model: Any, *, bound_samples: int) -> evaluate.Evaluator:
    """Builds an evaluator of an autoencoder with Bernoulli pixels and the prior that is its own.

    Args:
        model: a module as `jaxvae.models.own_priors` takes it.
        bound_samples: draws from the posterior for each image in the importance-weighted bound.

    Returns:
        An evaluator of kl, bce and iwae in nats per image, and of mse and ssim of the reconstructions.
    """
    priors = models.own_priors(model)
    kl = losses.compose({"kl": losses.kl(priors)}, {"kl": 1.0})

    def decode(variables: Variables, codes: models.Latents) -> Float[Array, "n h w c"]:
        logits: Any = model.apply(variables, codes, method="decode")
        return logits

    return evaluate.combine(
        evaluate.objective_evaluator(forward(model), kl),
        evaluate.reconstruction_evaluator(forward(model)),
        evaluate.importance_evaluator(partial(models.encode, model), decode, priors, samples=bound_samples),
    )
