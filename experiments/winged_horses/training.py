"""Training of the rows, side by side where their networks and the terms of their losses are the same."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

import jaxvae
from experiments.winged_horses.config import Config
from experiments.winged_horses.rows import EXTRA_TERMS, ROWS, Row
from jaxvae import data, losses, models, study, train
from jaxvae.types import Batch, Term


def make_rows(config: Config) -> dict[str, Row]:
    """The rows that are asked for, by name, with all that the flags say."""
    return {
        name: replace(
            ROWS[name],
            terms=tuple(dict.fromkeys((*ROWS[name].terms, *config.also))),
            kl=ROWS[name].kl or config.kl,
            deep_features=ROWS[name].deep_features or config.deep_features,
        )
        for name in config.rows
    }


def program(row: Row) -> str:
    """Name of the program that trains a row: rows of one name do the same work at each step."""
    network = [f"{name}-{value}" for name, value in row.network.items()]
    extras = [term for term in EXTRA_TERMS if term in row.terms]
    gradient = [str(row.deep_features)] if "deep_features" in row.terms else []
    return "_".join(["models", str(row.kl), *network, *extras, *gradient])


def make_model(experiment: study.Experiment, config: Config, row: Row) -> models.DeepConvVAE:
    """The network of a row."""
    used = row.deep_features if "deep_features" in row.terms else "off"
    shape = experiment.source.dataset.spec.image_shape
    return config.make_model(shape, layout=experiment.layout, deep_features=used, **row.network)


def make_replicas(experiment: study.Experiment, config: Config, name: str, row: Row) -> list[train.Replica]:
    """All seeds of a row."""
    weights = make_weights(config, row, experiment.source.dataset.spec.image_shape)
    return [train.Replica(name, config.seed + place, weights) for place in range(config.seeds)]


def make_terms(config: Config, row: Row, model: models.DeepConvVAE) -> dict[str, Term]:
    """Terms of a row's loss. The first three are there in every row, if only to be looked at, and cost little."""
    terms = {
        "mse": losses.distance("squared"),
        "ssim": losses.ssim_loss(),
        "colour": losses.colour_loss(),
        "kl": losses.kl(models.own_priors(model), method=row.kl or config.kl),
    }
    if "ms_ssim" in row.terms:
        terms["ms_ssim"] = losses.ms_ssim_loss()
    if "deep_features" in row.terms:
        terms["deep_features"] = losses.deep_features()
    if "vgg" in row.terms:
        terms["vgg"] = losses.perceptual(vgg_features())
    return terms


def vgg_features() -> losses.Features:
    """VGG16's activations before four of its poolings, as LPIPS takes them."""
    network, weights = models.VGG16(), models.load_vgg16()

    def features(images: Any) -> Any:
        return network.apply(weights.variables, images)

    return features


def make_weights(config: Config, row: Row, image_shape: tuple[int, int, int]) -> dict[str, float]:
    """Weight of each term of a row's loss. Averages over an image weigh as much as its pixels and channels."""
    height, width, channels = image_shape
    weights = {"mse": config.mse_weight, "vgg": config.vgg_weight}
    for term in ("ssim", "colour", "ms_ssim", "deep_features"):
        weights[term] = getattr(config, f"{term}_weight") * height * width * channels
    known = ("mse", "ssim", "colour", *(term for term in EXTRA_TERMS if term in row.terms))
    return {term: weights[term] * (term in row.terms) for term in known} | {"kl": config.beta}


def trace(experiment: study.Experiment, config: Config, row: Row) -> None:
    """Goes through a row's network and loss without computing anything.

    Raises:
        ValueError: images that do not fit one of them, or missing weights.
    """
    model = make_model(experiment, config, row)
    terms = make_terms(config, row, model)
    objective = losses.compose(terms, dict.fromkeys(terms, 1.0))

    def loss(key: Key[Array, ""], batch: Batch) -> Any:
        output = models.forward(key, model, models.init(key, model), batch)
        return objective(key, output, batch, jnp.int32(0))

    jax.eval_shape(loss, jax.random.key(0), experiment.batches[0])


def train_rows(
    experiment: study.Experiment, config: Config, rows: Mapping[str, Row]
) -> dict[str, list[jaxvae.Run]]:
    """All seeds of all rows, by name."""
    programs: dict[str, dict[str, Row]] = {}
    for name, row in rows.items():
        programs.setdefault(program(row), {})[name] = row
    trained: dict[str, list[jaxvae.Run]] = {name: [] for name in rows}
    for part, of_program in programs.items():
        for run in train_program(experiment, config, part, of_program):
            trained[run.variant].append(run)
    return trained


def train_program(
    experiment: study.Experiment, config: Config, part: str, rows: Mapping[str, Row]
) -> Sequence[jaxvae.Run]:
    """All seeds of the rows that one program trains."""
    row = next(iter(rows.values()))
    model = make_model(experiment, config, row)
    terms = make_terms(config, row, model)
    replicas = [each for name, of in rows.items() for each in make_replicas(experiment, config, name, of)]
    steps = config.epochs * experiment.source.steps_per_epoch
    state = experiment.fit(
        replicas,
        model=model,
        objective=lambda axis: losses.compose(terms, dict.fromkeys(terms, 1.0), axis_name=axis),
        optimizer=train.adam(train.schedule(config.learning_rate, steps=steps)),
        epochs=config.epochs,
        validation=experiment.batches[::5],
        augment=data.flip_horizontally if config.flip else None,
        part=part,
    )
    return experiment.runs(replicas, state, model=model, part=part)
