"""Part three, the promise of the report's abstract: features correlated with a binary label in a subspace of their own.

The code has two parts, w of two dimensions and z. A linear head on w tells the label; the dependence between the label
and z, measured by HSIC, is a term of the loss, so that the label is in w and nowhere else.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

import jaxvae
from experiments.conv_vae_mnist.config import Config
from experiments.conv_vae_mnist.section import Section
from jaxvae import data, evaluate, losses, models, report, study, train
from jaxvae.types import Term

LOOPS = ("0", "6", "8", "9")
"""Digits that have a loop as they are mostly written."""

FREE, SPLIT = "label in w", "label in w, z independent"

PART = "subspace"

LATENT_SIZES = (2, 4)
"""Dimensions of w and z."""

HEAD = 100.0
"""Weight of the cross-entropy of the head on w."""

KERNEL = losses.inverse_multiquadratic(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Heavy tails, so that codes cannot escape the term by moving far apart, where a Gaussian kernel is 0."""

STEPS = 11
"""Places of w in the figure of its traversal."""

LINES = 4
"""Images of each label in it."""

COLUMNS = (
    report.Column(
        key="w_accuracy",
        title="Label from w",
        digits=4,
        better="higher",
        note="Share of the validation images whose label the head on w tells from the posterior mean.",
    ),
    report.Column(
        key="z_accuracy",
        title="Label from z",
        digits=4,
        better="lower",
        note="The same by a network with a hidden layer, trained to tell it from the posterior means of z.",
    ),
    report.Column(
        key="chance",
        title="Chance",
        digits=4,
        note="Share of the more frequent label: what knowing nothing gives.",
    ),
    report.Column(
        key="switched",
        title="Switched",
        digits=4,
        better="higher",
        note="Share of validation images that a classifier of digits takes for the other label once w is exchanged for "
        "that of an image with the other label, z kept.",
    ),
    report.Column(key="elbo", title="ELBO", unit="nats", digits=1, better="higher"),
    report.Column(key="bce", title="BCE", unit="nats", digits=1, better="lower"),
    report.Column(key="kl", title="KL", unit="nats", digits=1),
)


def positive_classes(config: Config, class_names: Sequence[str]) -> list[int]:
    """Class numbers that have the label.

    Raises:
        ValueError: there is no such class.
    """
    wanted = LOOPS if config.label == "loop" else (config.label,)
    if missing := [name for name in wanted if name not in class_names]:
        raise ValueError(
            f"label must be 'loop', of digits, or one of {', '.join(class_names)}, got {config.label!r}, and there is "
            f"no class {missing[0]!r}."
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
        train.Replica(name, config.seed + repeat, {"dependence": weight})
        for name, weight in ((FREE, 0.0), (SPLIT, config.independence))
        for repeat in range(config.repeats)
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

    source = data.Resident(images, batch_size=config.batch_size, remainder=config.remainder)
    state = experiment.fit(
        replicas,
        model=model,
        objective=objective,
        optimizer=train.adam(train.schedule(2e-3, steps=config.generator_epochs * source.steps_per_epoch)),
        epochs=config.generator_epochs,
        validation=list(data.batches(validation, batch_size=min(250, len(validation))))[::5],
        part=PART,
        source=source,
    )
    return experiment.runs(replicas, state, model=model, part=PART)


def run(experiment: study.Experiment, config: Config, judge: study.Judge) -> Section:
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
        caption=f"Where the label “{name}” is, over {config.repeats} seeds",
    )
    first = {each.variant: each for each in reversed(runs)}
    means = {key: np.mean([each[key] for each in measured[SPLIT]]) for key in measured[SPLIT][0]}
    words = (
        f"With z independent of it, the label “{name}” is told rightly from w for {means['w_accuracy']:.2%} of the "
        f"validation images and from z for {means['z_accuracy']:.2%}, where chance is {means['chance']:.2%}; "
        f"exchanging w alone turns {means['switched']:.2%} of the images into the other label."
    )
    return Section(
        tables=[table],
        blocks=[
            report.Heading("A latent subspace for a binary label"),
            table,
            report.Paragraph(words),
            *show(experiment, first, validation),
        ],
        parts=[PART],
        words=words,
    )


def measure(
    experiment: study.Experiment,
    run: jaxvae.Run,
    images: data.Dataset,
    validation: data.Dataset,
    judge: study.Judge,
    positive: Sequence[int],
) -> dict[str, float]:
    """Where the label is, and whether w alone switches it."""
    model, labels = run.model, validation.labels
    w, z = (np.asarray(q.mean) for q in run.encode(validation.images))
    key = train.Replica(run.variant, run.seed, {}).evaluation_key
    known = np.asarray(run.encode(images.images)[1].mean)
    z_accuracy = evaluate.probe(key, known, images.labels, test_codes=z, test_labels=labels, classes=2)
    told = np.argmax(model.apply(run.variables, w, method="classify"), axis=1)
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


def show(
    experiment: study.Experiment, runs: dict[str, jaxvae.Run], validation: data.Dataset
) -> list[report.Block]:
    """W and z by label, and images while w moves from one label to the other."""
    figures, spec = experiment.workdir.figures, validation.spec
    codes = {name: [np.asarray(q.mean) for q in run.encode(validation.images)] for name, run in runs.items()}
    panels = [(f"{part}: {name}", of[level]) for name, of in codes.items() for level, part in enumerate("wz")]
    planes = report.embedding(panels, validation.labels, class_names=spec.class_names)
    rows = traverse(runs[SPLIT], validation)
    blocks: list[report.Block] = []
    for file, figure, caption in (
        (
            "subspace.png",
            planes,
            "Posterior means of validation images by label: w on the left, the principal plane of z on the right; "
            "circles are one and two standard deviations of the prior.",
        ),
        (
            "switch.png",
            report.comparison([("", rows)], columns=STEPS + 1),
            "Each line one validation image (left) and its reconstructions while w moves along the line through the "
            f"mean codes of “{spec.class_names[0]}” and “{spec.class_names[1]}” and z stays.",
        ),
    ):
        blocks.append(report.Picture(path=report.save(figures / file, figure), caption=caption, alt=caption))
    return blocks


def traverse(run: jaxvae.Run, validation: data.Dataset) -> Float[np.ndarray, "n h w c"]:
    """Lines of images: one of the validation images, then what it becomes while w moves and z stays."""
    w, z = (np.asarray(q.mean) for q in run.encode(validation.images))
    ends = [w[validation.labels == label].mean(axis=0) for label in (0, 1)]
    middle, direction = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    line = middle + np.linspace(-2, 2, STEPS, dtype=np.float32)[:, None] * direction
    chosen = [np.flatnonzero(validation.labels == label)[:LINES] for label in (0, 1)]
    lines = []
    for place in np.ravel(chosen, order="F"):
        original = validation.images[place : place + 1].astype(np.float32) / 255
        decoded = run.decode((line, np.repeat(z[place : place + 1], STEPS, axis=0)))
        lines += [original, np.asarray(decoded)]
    return np.concatenate(lines)
