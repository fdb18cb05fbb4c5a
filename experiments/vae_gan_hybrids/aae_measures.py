"""What is measured of an autoencoder with a prior in the plane: how codes fill it, and what its parts decode to."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from typing_extensions import override

import jaxvae
from jaxvae import evaluate, losses, models, study

_KERNEL_POINTS = 2000
"""Codes and draws that the maximum mean discrepancy is estimated from."""
_PRIOR_POINTS = 50_000
"""Draws that say where the parts of a prior are."""


class Measures(study.Measuring):
    """Measures models, each against its own prior.

    Args:
        experiment: the run.
        classifier: tells which classes images show.
        samples: images drawn from each model.
    """

    def __init__(
        self, experiment: study.Experiment, classifier: study.FeatureClassifier, *, samples: int
    ) -> None:
        test = experiment.test_set.images
        super().__init__(
            experiment,
            {
                "samples": samples,
                "images": len(test),
                "classifier_accuracy": classifier.accuracy,
            },
        )
        self._classifier, self._samples = classifier, samples
        self._real = classifier.moments(test[:samples])
        self._diversity = study.Diversity(test[:samples], classifier.activations)

    @property
    @override
    def words(self) -> str:
        return (
            f"{self.protocol['images']:,} {self.experiment.measured_on}, one code drawn for each, against as many "
            f"draws from the prior; {self.protocol['samples']:,} decoded images are measured by a classifier that is "
            f"right about {self.protocol['classifier_accuracy']:.2%} of them"
        )

    def codes(self, run: jaxvae.Run) -> Float[np.ndarray, "n 2"]:
        """One draw from the posterior of each held-out image; what the decoder sees in training.

        Args:
            run: the model.

        Returns:
            The same at every call.
        """
        (posterior,) = run.encode(self.experiment.test_set.images)
        mean, stddev = np.asarray(posterior.mean), np.asarray(posterior.stddev)
        noise = np.random.default_rng(run.seed).standard_normal(mean.shape, np.float32)
        return mean + stddev * noise

    def measure(self, run: jaxvae.Run) -> dict[str, float]:
        """Measures one model.

        Args:
            run: the model.

        Returns:
            two_sample, holes and mmd between codes of held-out images and draws from the prior; bce of
            reconstructions, nats; classifier_fid and diversity of samples, which is 1 for the data.
            For a prior with parts also mode_match and purity, and for an informed model agreement, region_agreement,
            code_agreement and, for each part from 0, agreement_0, agreement_1, ...
        """
        key = run.evaluation_key
        keys = jax.random.split(key, 6)
        (prior,) = run.autoencoder.priors
        codes = jax.random.permutation(keys[0], jnp.asarray(self.codes(run)))
        draws, reference = (prior.sample(each, len(codes)) for each in keys[1:3])
        samples = np.asarray(run.sample(self._samples, seed=run.seed))
        values = {
            "two_sample": evaluate.two_sample_accuracy(keys[3], codes, draws),
            "holes": evaluate.holes(codes, draws, reference),
            "mmd": _mmd(codes[:_KERNEL_POINTS], draws[:_KERNEL_POINTS]),
            "classifier_fid": evaluate.frechet_distance(self._classifier.moments(samples), self._real),
            "diversity": self._diversity(samples)["diversity"],
            "bce": self._cross_entropy(key, run),
        }
        if isinstance(prior, models.LabelledPrior):
            values["mode_match"] = evaluate.mode_match(
                codes,
                prior.sample(keys[4], _PRIOR_POINTS),
                log_prob=prior.log_prob,
                part_of=prior.class_of,
                parts=prior.classes,
            )
            values |= self._parts(keys[5], run, prior)
        return values

    def _cross_entropy(self, key: Any, run: jaxvae.Run) -> float:
        """Of held-out images and their reconstructions from draws of the posterior, nats per image."""
        objective = losses.compose({"bce": losses.reconstruction("bernoulli")}, {"bce": 1.0})
        evaluator = evaluate.objective_evaluator(study.forward(run.model), objective)
        return evaluator(key, run.variables, self.experiment.batches)["bce"]

    def _parts(self, key: Any, run: jaxvae.Run, prior: models.LabelledPrior) -> dict[str, float]:
        """How the parts of a prior correspond to classes."""
        parts, regions, classes = self._decoded(key, run, prior)
        table = np.zeros((prior.classes, prior.classes))
        np.add.at(table, (parts, classes), prior.classes / len(parts))
        values = {"purity": float(table.max(axis=1).mean())}
        if network(run).informed:
            own = np.asarray(prior.class_of(jnp.asarray(self.codes(run))))
            values |= {
                "agreement": float(np.diag(table).mean()),
                "region_agreement": float(np.mean(regions == classes)),
                "code_agreement": float(np.mean(own == self.experiment.test_set.labels)),
                **{f"agreement_{part}": float(share) for part, share in enumerate(np.diag(table))},
            }
        return values

    def _decoded(
        self, key: Any, run: jaxvae.Run, prior: models.LabelledPrior
    ) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """Of draws from every part: the part, the part in which the draw lies, and the class that its image shows."""
        each = max(self._samples // prior.classes, 1)
        parts: Int[np.ndarray, " n"] = np.repeat(np.arange(prior.classes, dtype=np.int32), each)
        draws = prior.sample_class(key, jnp.asarray(parts))
        return parts, np.asarray(prior.class_of(draws)), self._classifier.classes(run.decode((draws,)))


def network(run: jaxvae.Run) -> models.AAE:
    """The model of a run of this experiment."""
    assert isinstance(run.model, models.AAE)
    return run.model


def _mmd(codes: Float[jax.Array, "n 2"], draws: Float[jax.Array, "n 2"]) -> float:
    """Squared MMD with a Gaussian kernel whose bandwidth is the median distance of the prior's draws."""
    kernel = losses.rbf(losses.median_bandwidth(draws[:1000]))
    return float(jax.jit(partial(losses.mmd2, kernel=kernel, block_size=128))(codes, draws))
