"""What is measured of every trained model: reconstructions, colours, samples by every sampler."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Key
from typing_extensions import override

import jaxvae
from experiments.winged_horses.config import Config
from jaxvae import data, evaluate, losses, models, study
from jaxvae.images import Images, as_floats
from jaxvae.pieces import in_pieces
from jaxvae.types import Batch, Output, Variables

Pictures = Float[np.ndarray, "n h w c"]

SHOWN = 32
"""Samples of a model that are kept to be looked at."""


SEEN = 2000
"""Training images, at most, whose reconstructions are compared with those of the held-out images."""


class Measures(study.Measuring):
    """Measures models, each sampled in every way that is asked for.

    Reconstructions are decoded from posterior means. Distances of samples are to the held-out images if there are as
    many as samples, else to these and to training images in place of the missing ones.

    Args:
        experiment: the run.
        config: its flags.
        inception: the network that FID is computed with; without one there is none.
        seen: the training images of a variant, by its name.

    Attributes:
        samplers: where samples come from.
    """

    def __init__(
        self,
        experiment: study.Experiment,
        config: Config,
        inception: evaluate.Inception | None,
        seen: Callable[[str], data.Dataset],
    ) -> None:
        self._reals, which = study.real_images(experiment, config.samples)
        super().__init__(
            experiment,
            {
                "samples": config.samples,
                "reference": which,
                "reference_images": len(self._reals),
                "samplers": ", ".join(config.samplers),
                "components": config.components,
                "second_stage_steps": config.second_stage_steps,
                "training_images": SEEN,
            },
        )
        self._config, self.samplers, self._seen = config, config.samplers, seen
        self._samples: dict[tuple[str, int, str], Pictures] = {}
        self._evaluator = study.ByModel(make_evaluator)
        self._inception = study.InceptionDistances(
            inception, self._reals, resize=config.resize, precision=config.precision
        )
        self.protocol |= self._inception.protocol

    @property
    @override
    def words(self) -> str:
        text = (
            f"Reconstructions of {len(self.experiment.test_set):,} held-out images, from posterior means; "
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
        config, images = self._config, self._seen(run.variant).images
        options: dict[str, Any] = {}
        if sampler == "mixture":
            options["components"] = min(config.components, len(images))
        if sampler == "second_stage":
            options["steps"] = config.second_stage_steps
        draw = study.make_sampler(sampler, run, images, seed=run.seed, **options)
        drawn = np.asarray(run.sample(config.samples, seed=run.seed, sampler=draw))
        self._samples[run.variant, run.seed, sampler] = drawn[:SHOWN].copy()
        return drawn

    def measure(self, run: jaxvae.Run) -> dict[str, float]:
        """Measures one model.

        Args:
            run: the model.

        Returns:
            kl in nats per image, active_units; mse, ssim, colour_error, checkerboard and sharpness of reconstructions,
            and their histogram distance; ssim of training images and how much it is above that of held-out images;
            for every sampler histogram distance, colour shift and sharpness, and fid and kid if there is an Inception
            network, suffixed with the sampler's name.
        """
        test = self.experiment.test_set.images
        evaluator = self._evaluator(run.model)
        metrics = dict(evaluator(run.evaluation_key, run.variables, self.experiment.batches))
        reconstructions = np.asarray(run.reconstruct(test))
        metrics |= {
            "active_units": float(sum(evaluate.active_units(q) for q in run.encode(test))),
            "checkerboard": checkerboard(reconstructions),
            "histogram_reconstructions": evaluate.colour_histogram_distance(reconstructions, test),
            "sharpness_ratio_reconstructions": mean_sharpness(reconstructions) / mean_sharpness(test),
            "ssim_train": evaluator(run.evaluation_key, run.variables, self._seen_batches(run.variant))[
                "ssim"
            ],
            "parameters": run.parameters,
        }
        metrics["ssim_gap"] = metrics["ssim_train"] - metrics["ssim"]
        for sampler in self.samplers:
            metrics |= {f"{name}_{sampler}": value for name, value in self._distances(run, sampler).items()}
        return metrics

    def _seen_batches(self, variant: str) -> Sequence[Batch]:
        seen = data.select(self._seen(variant), slice(SEEN))
        return data.batches(seen, batch_size=min(250, len(seen)))

    def _distances(self, run: jaxvae.Run, sampler: str) -> dict[str, float]:
        drawn = self._draw(run, sampler)
        return {
            "histogram": evaluate.colour_histogram_distance(drawn, self._reals),
            "shift": evaluate.colour_shift(drawn, self._reals),
            "sharpness_ratio": mean_sharpness(drawn) / mean_sharpness(self._reals),
            **self._inception(drawn),
        }


def make_evaluator(model: Any) -> evaluate.Evaluator:
    """An evaluator of KL divergence, and of reconstructions from posterior means and their colours."""
    kl = losses.compose({"kl": losses.kl(models.own_priors(model))}, {"kl": 1.0})
    forward = partial(from_means, model)
    return evaluate.combine(
        evaluate.objective_evaluator(forward, kl),
        evaluate.reconstruction_evaluator(forward),
        evaluate.colour_evaluator(forward),
    )


def from_means(model: Any, key: Key[Array, ""], variables: Variables, batch: Batch) -> Output:
    """A model's output with the posterior means as codes, whatever the key."""
    posteriors = models.encode(model, variables, batch.image)
    means = tuple(q.mean for q in posteriors)
    logits: Any = model.apply(variables, means, method="decode")
    return Output(logits, posteriors, means)


def mean_sharpness(images: Images) -> float:
    """Mean sharpness of images, uint8 or in [0, 1]; see `jaxvae.evaluate.sharpness`."""
    return float(np.mean(in_pieces(_sharpness, (images,))))


@jax.jit
def _sharpness(images: Any) -> Float[Array, " n"]:
    return evaluate.sharpness(as_floats(images))


def checkerboard(images: Any) -> float:
    """Mean energy at the stride frequency; see `jaxvae.evaluate.checkerboard`."""
    return float(np.mean(in_pieces(_checkerboard, (images,))))


@jax.jit
def _checkerboard(images: Any) -> Float[Array, " n"]:
    return evaluate.checkerboard(as_floats(images), stride=2)
