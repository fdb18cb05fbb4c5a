"""Chapter four, the promise of the report's abstract: features of a binary label in a subspace of their own.

The code has two parts, w of two dimensions and z. A linear head on w predicts the label; the dependence between label
and z, measured by HSIC, is a term of the loss, so that the label is in w and nowhere else.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

import jaxvae
from experiments.conv_vae_mnist.config import Config
from jaxvae import data, evaluate, losses, models, report, study, train
from jaxvae.images import as_floats

FREE, SPLIT = "head alone", "head and independence"
"""The variants: a head on w predicts the label; and z is made independent of it, too."""

STEPS = 11
"""Places of w in the figure of its traversal."""

LINES = 4
"""Images of each label in it."""

COLUMNS = report.columns("w_accuracy", "z_accuracy", "chance", "switched", "elbo", "bce", "kl")

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


def make_training(
    experiment: study.Experiment, config: Config, images: data.Dataset, validation: data.Dataset
) -> study.Training:
    """Both variants, in one program."""
    model = models.SubspaceVAE(images.spec.image_shape, LATENT_SIZES, layout=experiment.layout)
    source = data.serve(images, batch_size=config.batch_size, remainder=config.remainder)
    steps = config.generator_epochs * source.steps_per_epoch
    return study.Training(
        model=model,
        terms={
            "bce": losses.reconstruction("bernoulli"),
            "kl": losses.kl(models.own_priors(model)),
            "cross_entropy": losses.label_head(),
            "dependence": losses.independence(KERNEL, level=2),
        },
        weights={
            "bce": 1.0,
            "kl": config.generator_beta,
            "cross_entropy": HEAD,
            "dependence": config.independence,
        },
        optimizer=train.adam(train.schedule(2e-3, steps=steps)),
        variants={FREE: {"dependence": 0.0}, SPLIT: {"dependence": config.independence}},
        epochs=config.generator_epochs,
        source=source,
        validation=data.batches(validation, batch_size=min(250, len(validation)))[::5],
    )


def run(experiment: study.Experiment, config: Config, classifier: study.FeatureClassifier) -> study.Section:
    """Trains both variants, measures where the label is, and shows what w does."""
    images, validation = (relabel(each, config) for each in (experiment.train_set, experiment.test_set))
    positive = positive_classes(config, experiment.class_names)
    name = validation.spec.class_names[1]
    training = make_training(experiment, config, images, validation)
    trained = experiment.train(training, part=PART, seeds=config.repeated_seeds)
    table = experiment.table(
        trained,
        partial(measure, experiment, images, validation, classifier, positive),
        COLUMNS,
        caption=f"Where the label “{name}” is",
    )
    words = describe(table, name)
    return study.Section(
        tables=[table],
        blocks=[
            report.Heading("A latent subspace for a binary label"),
            table,
            *([report.Paragraph(words)] if words else []),
            *make_blocks(experiment, study.first_runs(trained), validation),
        ],
        words=words,
    )


def describe(table: report.Table, name: str) -> str:
    """What became of the label; empty if the model with an independent z failed."""
    means = {row.name: {key: value["mean"] for key, value in row.metrics.items()} for row in table.rows}
    split = means[SPLIT]
    if not split:
        return ""
    return (
        f"With z independent of it, the label “{name}” is predicted correctly from w for {split['w_accuracy']:.2%} of "
        f"the held-out images and from z for {split['z_accuracy']:.2%}, where chance is {split['chance']:.2%}; "
        f"exchanging w alone turns {split['switched']:.2%} of the images into the other label."
    )


def measure(
    experiment: study.Experiment,
    images: data.Dataset,
    validation: data.Dataset,
    classifier: study.FeatureClassifier,
    positive: Sequence[int],
    run: jaxvae.Run,
) -> dict[str, float]:
    """Where the label is, and whether w alone switches it."""
    model, labels = run.model, validation.labels
    w, z = (np.asarray(q.mean) for q in run.encode(validation.images))
    z_accuracy = evaluate.probe(
        run.evaluation_key,
        run.encode(images.images)[1].mean,
        jnp.asarray(images.labels),
        test_codes=jnp.asarray(z),
        test_labels=jnp.asarray(labels),
        classes=2,
    )
    predicted = np.argmax(model.apply(run.variables, jnp.asarray(w), method="classify"), axis=1)
    other = partners(labels, seed=run.seed)
    switched = np.isin(classifier.classes(np.asarray(run.decode((w[other], z)))), positive)
    return {
        "w_accuracy": float(np.mean(predicted == labels)),
        "z_accuracy": z_accuracy,
        "chance": float(np.bincount(labels, minlength=2).max() / len(labels)),
        "switched": float(np.mean(switched != labels)),
        **study.lower_bound(run, experiment.batches),
    }


def partners(labels: Int[np.ndarray, " n"], *, seed: int) -> Int[np.ndarray, " n"]:
    """For each image the place of a random one with the other label."""
    generator = np.random.default_rng(seed)
    places = np.zeros(len(labels), np.int64)
    for label in (0, 1):
        places[labels == label] = generator.choice(np.flatnonzero(labels != label), (labels == label).sum())
    return places


def make_blocks(
    experiment: study.Experiment, runs: Mapping[str, jaxvae.Run], validation: data.Dataset
) -> list[report.Block]:
    """Codes by label, and images while w moves from one label to the other."""
    names = validation.spec.class_names
    codes = {name: [np.asarray(q.mean) for q in run.encode(validation.images)] for name, run in runs.items()}
    panels = [(f"{part}, {name}", of[level]) for name, of in codes.items() for level, part in enumerate("wz")]
    planes = report.embedding(panels, validation.labels, class_names=names)
    blocks: list[report.Block] = [
        experiment.picture(
            "subspace",
            planes,
            "Posterior means of held-out images by label, first seed: w on the left, the principal plane of z on the "
            "right; circles are one and two standard deviations of the prior.",
        )
    ]
    if SPLIT in runs:
        rows = [(f"original; w from {names[0]} to {names[1]}, z held", traverse(runs[SPLIT], validation))]
        caption = (
            "Each line one held-out image (left) and its reconstructions while w moves along the line through the "
            f"mean codes of “{names[0]}” and “{names[1]}” and z stays; model “{SPLIT}”, first seed."
        )
        blocks.append(experiment.picture("switch", report.comparison(rows, columns=STEPS + 1), caption))
    return blocks


def traverse(run: jaxvae.Run, validation: data.Dataset) -> Float[np.ndarray, "n h w c"]:
    """Lines of images: one of the held-out images, then what it becomes while w moves and z stays."""
    w, z = (np.asarray(q.mean) for q in run.encode(validation.images))
    ends = [w[validation.labels == label].mean(axis=0) for label in (0, 1)]
    middle, direction = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    line = middle + np.linspace(-2, 2, STEPS, dtype=np.float32)[:, None] * direction
    fewest = int(np.bincount(validation.labels).min())
    chosen = [np.flatnonzero(validation.labels == label)[: min(LINES, fewest)] for label in (0, 1)]
    lines = []
    for place in np.ravel(chosen, order="F"):
        original = as_floats(validation.images[place : place + 1])
        decoded = run.decode((line, np.repeat(z[place : place + 1], STEPS, axis=0)))
        lines += [original, np.asarray(decoded)]
    return np.concatenate(lines)
