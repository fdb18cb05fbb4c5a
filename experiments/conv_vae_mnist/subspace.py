"""Part three, the promise of the report's abstract: features correlated with a binary label in a subspace of their own.

The code has two parts, w of two dimensions and z. A linear head on w tells the label; the dependence between the label
and z, measured by HSIC, is a term of the loss, so that the label is in w and nowhere else.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

import jaxvae
from experiments.conv_vae_mnist.config import Config
from experiments.conv_vae_mnist.subspace_page import COLUMNS, FREE, SPLIT, make_blocks
from jaxvae import data, evaluate, losses, models, report, study, train
from jaxvae.types import Term

LOOPS = ("0", "6", "8", "9")
"""Digits that have a loop as they are mostly written."""

PART = "subspace"

LATENT_SIZES = (2, 4)
"""Dimensions of w and z."""

HEAD = 100.0
"""Weight of the cross-entropy of the head on w."""

KERNEL = losses.inverse_multiquadratic(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Heavy tails, so that codes cannot escape the term by moving far apart, where a Gaussian kernel is 0."""


def positive_classes(config: Config, class_names: Sequence[str]) -> list[int]:
    """Class numbers that have the label.

    Raises:
        ValueError: there is no such class.
    """
    wanted = LOOPS if config.label == "loop" else (config.label,)
    if missing := [name for name in wanted if name not in class_names]:
        raise ValueError(
            f"label must be 'loop', of digits, or one of {', '.join(class_names)}, got {config.label!r}, and there is "
            f"no class {missing[0]!r}; give --label, or another --part."
        )
    return [class_names.index(name) for name in wanted]


def relabel(dataset: data.Dataset, config: Config) -> data.Dataset:
    """The same images with the binary label.

    Raises:
        ValueError: there is no such class, or all images have the same label.
    """
    positive = positive_classes(config, dataset.spec.class_names)
    labels = np.isin(dataset.labels, positive).astype(np.int32)
    if len(np.unique(labels)) < 2:
        raise ValueError(f"the label {config.label!r} needs images with and without it; raise --limit.")
    names = ("no loop", "loop") if config.label == "loop" else (f"not {config.label}", config.label)
    return data.from_arrays(dataset.images, labels, name=dataset.spec.name, class_names=names)


def make_replicas(config: Config) -> list[train.Replica]:
    """Both variants, all seeds."""
    return [
        train.Replica(name, seed, {"dependence": weight})
        for name, weight in ((FREE, 0.0), (SPLIT, config.independence))
        for seed in config.repeated_seeds
    ]


def train_models(
    experiment: study.Experiment, config: Config, images: data.Dataset, validation: data.Dataset
) -> list[jaxvae.Run]:
    """Both variants, all seeds, in one program."""
    model = models.SubspaceVAE(images.spec.image_shape, LATENT_SIZES, layout=experiment.layout)
    replicas = make_replicas(config)

    def objective(axis: str | None) -> losses.Objective:
        terms: dict[str, Term] = {
            "bce": losses.reconstruction("bernoulli"),
            "kl": losses.kl(models.own_priors(model)),
            "cross_entropy": losses.label_head(),
            "dependence": losses.independence(KERNEL, level=2, axis_name=axis),
        }
        weights = {
            "bce": 1.0,
            "kl": config.generator_beta,
            "cross_entropy": HEAD,
            "dependence": config.independence,
        }
        return losses.compose(terms, weights, axis_name=axis)

    source = data.serve(images, batch_size=config.batch_size, remainder=config.remainder)
    state = experiment.fit(
        replicas,
        model=model,
        objective=objective,
        optimizer=train.adam(train.schedule(2e-3, steps=config.generator_epochs * source.steps_per_epoch)),
        epochs=config.generator_epochs,
        validation=data.batches(validation, batch_size=min(250, len(validation)))[::5],
        part=PART,
        source=source,
    )
    return experiment.runs(replicas, state, model=model, part=PART)


def run(experiment: study.Experiment, config: Config, judge: study.FeatureClassifier) -> study.Section:
    """Trains both variants, measures where the label is, and shows what w does."""
    images, validation = (relabel(each, config) for each in (experiment.source.dataset, experiment.test_set))
    positive = positive_classes(config, experiment.test_set.spec.class_names)
    name = validation.spec.class_names[1]
    runs = train_models(experiment, config, images, validation)
    measured: dict[str, list[dict[str, float]]] = {}
    for each in runs:
        measured.setdefault(each.variant, []).append(
            measure(experiment, each, images, validation, judge, positive)
        )
    table = report.Table(
        rows=[report.Row(name=key, metrics=report.summarize(values)) for key, values in measured.items()],
        columns=COLUMNS,
        caption=f"Where the label “{name}” is, over {len(config.repeated_seeds)} seeds",
    )
    first = {each.variant: each for each in reversed(runs)}
    means = {key: np.mean([each[key] for each in measured[SPLIT]]) for key in measured[SPLIT][0]}
    words = (
        f"With z independent of it, the label “{name}” is told rightly from w for {means['w_accuracy']:.2%} of the "
        f"validation images and from z for {means['z_accuracy']:.2%}, where chance is {means['chance']:.2%}; "
        f"exchanging w alone turns {means['switched']:.2%} of the images into the other label."
    )
    return study.Section(
        tables=[table],
        blocks=[
            report.Heading("A latent subspace for a binary label"),
            table,
            report.Paragraph(words),
            *make_blocks(experiment, first, validation),
        ],
        parts=[PART],
        words=words,
    )


def measure(
    experiment: study.Experiment,
    run: jaxvae.Run,
    images: data.Dataset,
    validation: data.Dataset,
    judge: study.FeatureClassifier,
    positive: Sequence[int],
) -> dict[str, float]:
    """Where the label is, and whether w alone switches it."""
    model, labels = run.model, validation.labels
    w, z = (np.asarray(q.mean) for q in run.encode(validation.images))
    key = train.Replica(run.variant, run.seed, {}).evaluation_key
    known = run.encode(images.images)[1].mean
    z_accuracy = evaluate.probe(
        key,
        known,
        jnp.asarray(images.labels),
        test_codes=jnp.asarray(z),
        test_labels=jnp.asarray(labels),
        classes=2,
    )
    told = np.argmax(model.apply(run.variables, jnp.asarray(w), method="classify"), axis=1)
    other = partners(labels, seed=run.seed)
    shown = np.isin(judge.classes(np.asarray(run.decode((w[other], z)))), positive)
    return {
        "w_accuracy": float(np.mean(told == labels)),
        "z_accuracy": z_accuracy,
        "chance": float(np.bincount(labels, minlength=2).max() / len(labels)),
        "switched": float(np.mean(shown != labels)),
        **study.lower_bound(run, experiment.batches),
    }


def partners(labels: Int[np.ndarray, " n"], *, seed: int) -> Int[np.ndarray, " n"]:
    """For each image the place of a random one with the other label."""
    generator = np.random.default_rng(seed)
    places = np.zeros(len(labels), np.int64)
    for label in (0, 1):
        places[labels == label] = generator.choice(np.flatnonzero(labels != label), (labels == label).sum())
    return places
