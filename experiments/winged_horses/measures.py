"""What is measured of every trained model: reconstructions, colours, samples by every sampler."""

from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Key

import jaxvae
from experiments.winged_horses.config import Config
from jaxvae import evaluate, losses, models, study, train
from jaxvae.pieces import in_pieces
from jaxvae.types import Batch, Output, Variables

Pictures = Float[np.ndarray, "n h w c"]

SHOWN = 32
"""Samples of a model that are kept to be looked at."""


class Measures:
    """Measures models, each sampled in every way that is asked for.

    Reconstructions are decoded from posterior means. Distances of samples are to the validation images if there are as
    many as samples, else to these and as many training images as there are or are missing.

    Args:
        experiment: the run.
        config: its flags.
        inception: the network that FID is computed with; without one there is none.

    Attributes:
        protocol: how it measures, for results.json.
        samplers: where samples come from.
    """

    def __init__(
        self, experiment: study.Experiment, config: Config, inception: evaluate.Inception | None
    ) -> None:
        self._experiment, self._config = experiment, config
        self.samplers = config.samplers
        self._samples: dict[tuple[str, int, str], Pictures] = {}
        self._evaluators: dict[str, evaluate.Evaluator] = {}
        self._reals, which = study.reference(experiment, config.samples)
        self._inception = study.InceptionDistances(
            inception, self._reals, resize=config.resize, precision=config.precision
        )
        self.protocol: dict[str, Any] = {
            "samples": config.samples,
            "reference": which,
            "reference_images": len(self._reals),
            "samplers": ", ".join(config.samplers),
            "components": config.components,
            "second_stage_steps": config.second_stage_steps,
        }
        self.protocol |= self._inception.protocol

    def __call__(self, run: jaxvae.Run) -> dict[str, float]:
        """Measures one model.

        Args:
            run: the model.

        Returns:
            kl in nats per image, active_units; mse, ssim, colour_error and checkerboard of reconstructions, and their
            histogram distance; for every sampler histogram distance and colour shift, and fid and kid if there is an
            Inception network, with the sampler's name behind.
        """
        return study.kept(self._experiment.workdir, run, self._measure, protocol=self.protocol)

    @property
    def words(self) -> str:
        """How distances are computed, in a sentence without its full stop."""
        text = (
            f"Reconstructions of {len(self._experiment.test_set):,} validation images, from posterior means; "
            "distances are of "
            f"{self._config.samples:,} samples to {len(self._reals):,} {self.protocol['reference']}"
        )
        return f"{text}; FID and KID by {self._inception.words}" if self._inception.words else text

    def samples(self, run: jaxvae.Run, sampler: str) -> Pictures:
        """The first images drawn from a model, the same at every call.

        Args:
            run: the model.
            sampler: one of those that are asked for.

        Returns:
            `SHOWN` of those that are measured, or all if these are fewer.
        """
        place = run.variant, run.seed, sampler
        if place not in self._samples:
            self._draw(run, sampler)
        return self._samples[place]

    def _draw(self, run: jaxvae.Run, sampler: str) -> Pictures:
        """As many images as are measured."""
        config, images = self._config, self._experiment.source.dataset.images
        options: dict[str, Any] = {}
        if sampler == "mixture":
            options["components"] = min(config.components, len(images))
        if sampler == "second_stage":
            options["steps"] = config.second_stage_steps
        draw = study.make_sampler(sampler, run, images, seed=run.seed, **options)
        drawn = np.asarray(run.sample(config.samples, seed=run.seed, sampler=draw))
        self._samples[run.variant, run.seed, sampler] = drawn[:SHOWN].copy()
        return drawn

    def _measure(self, run: jaxvae.Run) -> dict[str, float]:
        test = self._experiment.test_set.images
        key = train.Replica(run.variant, run.seed, {}).evaluation_key
        metrics = dict(self._evaluator(run.model)(key, run.variables, self._experiment.batches))
        again = np.asarray(run.reconstruct(test))
        metrics |= {
            "active_units": float(sum(evaluate.active_units(q) for q in run.encode(test))),
            "checkerboard": board(again),
            "histogram_reconstructions": evaluate.colour_histogram_distance(again, test),
            "parameters": run.parameters,
        }
        for sampler in self.samplers:
            metrics |= {f"{name}_{sampler}": value for name, value in self._distances(run, sampler).items()}
        return metrics

    def _evaluator(self, model: Any) -> evaluate.Evaluator:
        """One for all models that differ in their variables alone, so that it is compiled once."""
        kind = str(models.describe(model))
        if kind not in self._evaluators:
            kl = losses.compose({"kl": losses.kl(models.own_priors(model))}, {"kl": 1.0})
            forward = partial(from_means, model)
            self._evaluators[kind] = evaluate.combine(
                evaluate.objective_evaluator(forward, kl),
                evaluate.reconstruction_evaluator(forward),
                evaluate.colour_evaluator(forward),
            )
        return self._evaluators[kind]

    def _distances(self, run: jaxvae.Run, sampler: str) -> dict[str, float]:
        drawn = self._draw(run, sampler)
        return {
            "histogram": evaluate.colour_histogram_distance(drawn, self._reals),
            "shift": evaluate.colour_shift(drawn, self._reals),
            **self._inception(drawn),
        }


def from_means(model: Any, key: Key[Array, ""], variables: Variables, batch: Batch) -> Output:
    """A model's output with the posterior means as codes, whatever the key."""
    posteriors = models.encode(model, variables, batch.image)
    means = tuple(q.mean for q in posteriors)
    logits: Any = model.apply(variables, means, method="decode")
    return Output(logits, posteriors, means)


def board(images: Any) -> float:
    """Mean energy at the stride frequency; see `jaxvae.evaluate.checkerboard`."""
    return float(np.mean(in_pieces(_checkerboard, (images,))))


@jax.jit
def _checkerboard(images: Any) -> Float[Array, " n"]:
    return evaluate.checkerboard(as_floats(images), stride=2)
