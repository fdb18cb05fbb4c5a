"""How the variants train: their network, the terms of their loss, and the images that they see."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from experiments.winged_horses.config import COMMON_TERMS, EXTRA_TERMS, OVERFITTING, Config, Variant
from experiments.winged_horses.pictures import find_pair
from jaxvae import data, losses, models, study, train
from jaxvae.types import Term

_MOMENTUM = 0.9
"""Decay of Adam's first moment, where a variant has its own learning rate."""


def select(config: Config, training: data.Dataset, test: data.Dataset) -> tuple[data.Dataset, data.Dataset]:
    """Leaves only the pair's classes to measure on, if a variant is trained on these alone.

    Raises:
        ValueError: there is no pair of classes.
    """
    if set(config.variants).isdisjoint(OVERFITTING):
        return training, test
    pair = find_pair(training, config.pair)
    if pair is None:
        raise ValueError(
            f"{config.variants[-1]!r} is trained on two classes, but fewer have pictures; use other data or variants."
        )
    return training, _of_classes(test, pair)


class Trainings:
    """Makes the trainings of variants.

    Args:
        experiment: the run.
        config: its flags.
    """

    def __init__(self, experiment: study.Experiment, config: Config) -> None:
        self._experiment, self._config = experiment, config
        self._source = cache(self._serve)

    def seen(self, variant: Variant) -> data.Dataset:
        """Those of a variant's training images that are of the classes that it is measured on.

        Args:
            variant: what was trained.

        Returns:
            Its training images, of the pair's classes alone if a variant of the run is trained on these.
        """
        pair = variant.pictures == "all" and not set(self._config.variants).isdisjoint(OVERFITTING)
        return self._source("pair" if pair else variant.pictures).dataset

    def __call__(self, variants: dict[str, Variant]) -> study.Training:
        """How the variants of one program train.

        Args:
            variants: by name.

        Returns:
            The training. One on a part of the images has as many updates as one on all of them.
        """
        experiment, config = self._experiment, self._config
        first, shape = next(iter(variants.values())), experiment.image_shape
        source = self._source(first.pictures)
        epochs = max(1, round(experiment.steps() / source.steps_per_epoch))
        model = self._model(first)
        terms = make_terms(first, model)
        tuned = () if first.learning_rate is None else train.TUNABLE
        rate = train.schedule(config.learning_rate, steps=epochs * source.steps_per_epoch)
        return study.Training(
            model=model,
            terms=terms,
            weights=dict.fromkeys(terms, 1.0),
            optimizer=train.tunable("adam") if tuned else train.adam(rate),
            variants={name: make_weights(config, variant, shape) for name, variant in variants.items()},
            tuned=tuned,
            epochs=epochs,
            source=source,
            augment=data.flip_horizontally if config.flip else None,
        )

    def _serve(self, pictures: str) -> data.Source:
        experiment, config = self._experiment, self._config
        dataset = experiment.train_set
        if pictures == "all":
            return experiment.source
        pair = find_pair(dataset, config.pair)
        assert pair is not None  # or else `select` has refused
        images = _of_classes(dataset, pair)
        if pictures == "tenth":
            images = data.select(images, np.arange(len(images))[::10])
        return data.serve(images, batch_size=config.batch_size, remainder=config.remainder)

    def _model(self, variant: Variant) -> models.DeepConvVAE:
        used = variant.deep_features if "deep_features" in variant.terms else "off"
        experiment = self._experiment
        return self._config.make_model(
            experiment.image_shape, layout=experiment.layout, deep_features=used, **variant.network
        )


def _of_classes(dataset: data.Dataset, names: Sequence[str]) -> data.Dataset:
    numbers = [dataset.spec.class_names.index(name) for name in names]
    return data.select(dataset, np.flatnonzero(np.isin(dataset.labels, numbers)))


def make_terms(variant: Variant, model: models.DeepConvVAE) -> dict[str, Term]:
    """Terms of a variant's loss; the first three are computed in every variant, if only to be looked at."""
    terms = {
        "squared_error": losses.distance("squared"),
        "ssim_loss": losses.ssim_loss(),
        "colour_loss": losses.colour_loss(),
        "kl": losses.kl(models.own_priors(model), method=variant.kl or "closed_form"),
    }
    if "ms_ssim_loss" in variant.terms:
        terms["ms_ssim_loss"] = losses.ms_ssim_loss()
    if "deep_features" in variant.terms:
        terms["deep_features"] = losses.deep_features()
    if "vgg" in variant.terms:
        terms["vgg"] = losses.perceptual(vgg_features(model.layout))
    return terms


def vgg_features(layout: models.Layout) -> losses.Features:
    """VGG16's activations before four of its poolings, as LPIPS takes them."""
    network, weights = models.VGG16(layout), models.load_vgg16()

    def features(images: Any) -> Any:
        return network.apply(weights.variables, images)

    return features


def make_weights(config: Config, variant: Variant, image_shape: tuple[int, int, int]) -> dict[str, float]:
    """Numbers in which variants differ: the weight of each term of the loss, and a learning rate of its own.

    Averages over an image weigh as much as its pixels and channels.
    """
    height, width, channels = image_shape
    averages = {
        "ssim_loss": config.ssim_weight,
        "colour_loss": config.colour_weight,
        "ms_ssim_loss": config.ms_ssim_weight,
        "deep_features": config.deep_features_weight,
    }
    weights = {term: weight * height * width * channels for term, weight in averages.items()}
    weights |= {"squared_error": config.mse_weight, "vgg": config.vgg_weight}
    extras = [term for term in EXTRA_TERMS if term in variant.terms]
    used = {term: weights[term] * (term in variant.terms) for term in (*COMMON_TERMS, *extras)}
    if variant.learning_rate is not None:
        used |= {"learning_rate": variant.learning_rate, "momentum": _MOMENTUM}
    return used | {"kl": config.beta}


def time_steps(
    experiment: study.Experiment, trainings: Trainings, variants: dict[str, Variant], *, rounds: int = 3
) -> dict[str, float]:
    """Times the training steps of each program with a single model, whatever is trained side by side.

    Args:
        experiment: the run.
        trainings: how variants train.
        variants: by name.
        rounds: how often all are timed, one after the other; the fastest counts, since other work only slows.

    Returns:
        Seconds for as many images as the run's training set has, by variant; the same for those of one program.
    """
    groups = study.programs(variants)
    fastest: dict[str, float] = {}
    for _ in range(rounds):
        for part, group in groups.items():
            name, variant = next(iter(group.items()))
            training = trainings({name: variant})
            taken = train.estimate(
                [train.Replica(name, experiment.config.seed, training.variants[name])],
                experiment.recipe(training),
                compiler_options=experiment.layout.compiler_options,
            )
            fastest[part] = min(taken.seconds, fastest.get(part, taken.seconds))
    return {
        name: fastest[part] * experiment.source.steps_per_epoch
        for part, group in groups.items()
        for name in group
    }
