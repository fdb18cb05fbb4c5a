"""Chapter three, first half: classifiers that learn from real digits, generated ones, and both."""

from collections.abc import Mapping, Sequence

import numpy as np

import jaxvae
from experiments.conv_vae_mnist.config import Config
from experiments.conv_vae_mnist.generators import fill, generate, part_name, train_generator
from jaxvae import data, models, report, study
from jaxvae.screen import Bar

ALONE, FAIR, LEAKY = "real images alone", "with generated images", "with images of a generator that saw all"

PARTS = {ALONE: "alone", FAIR: "fair", LEAKY: "leaky"}
"""Names of the settings in the run's directory, in the order of the table."""

PUBLISHED = {ALONE: {1.0: 0.9847}, FAIR: {1.0: 0.9869}, LEAKY: {0.2: 0.9693, 0.5: 0.9797}}
"""Test accuracy that the report states, by setting and share of MNIST; its generator saw all of MNIST."""

INTRO = (
    "The report trains a classifier on generated digits and a share of MNIST. Its generator had seen all of MNIST, so "
    "that what the classifier learns from generated digits includes labels that its own share does not have. Here a "
    "generator sees the classifier's share only, unless the row says otherwise; classifiers on the share alone are the "
    "control that the report lacks. With none of MNIST, only a generator that saw more can teach anything. All "
    "classifiers train for the same number of steps; where there are generated images, they are half of what is shown."
)

Accuracies = dict[str, dict[float, list[float]]]
"""Test accuracies over seeds, by setting and share."""


def run(experiment: study.Experiment, config: Config, generators: Mapping[int, jaxvae.Run]) -> study.Section:
    """Trains a classifier for each setting, share and seed.

    Args:
        experiment: the run.
        config: its flags.
        generators: those that saw all of the data, by seed.

    Returns:
        Accuracies, in words, as a table and as a figure.
    """
    accuracies: Accuracies = {setting: {} for setting in PARTS}
    everything = experiment.train_set
    with Bar(total=len(generators) * len(config.fractions), desc="classifiers", unit="share") as bar:
        for seed, whole in generators.items():
            leaked = generate(whole, everything, len(everything), seed=seed)
            for share in sorted(config.fractions):
                for setting, images in make_sets(experiment, config, share, leaked, seed=seed).items():
                    part = part_name(f"digits-{PARTS[setting]}", share, seed)
                    trained = train_digits(experiment, config, images, part=part, seed=seed)
                    accuracies[setting].setdefault(share, []).append(trained.accuracy)
                bar.update()
    mnist = config.data == "mnist"
    caption = "Classifiers by what they were trained on"
    table = report.Table(
        rows=make_rows(accuracies, mnist=mnist), columns=report.columns("accuracy"), caption=caption
    )
    words = describe(accuracies)
    blocks: list[report.Block] = [
        report.Heading("A classifier that learns from generated digits"),
        report.Paragraph(INTRO),
        table,
        report.Paragraph(words),
        picture(experiment, accuracies, mnist=mnist),
    ]
    return study.Section(tables=[table], blocks=blocks, words=words)


def make_sets(
    experiment: study.Experiment, config: Config, share: float, leaked: data.Dataset, *, seed: int
) -> dict[str, list[data.Dataset]]:
    """What the classifiers of one share and seed are trained on, by setting: two sets that each make up half.

    Args:
        experiment: the run.
        config: its flags.
        share: of the data that the classifier sees, and the generator of the fair setting.
        leaked: images by the seed's generator that saw all of the data.
        seed: decides the share.
    """
    everything = experiment.train_set
    sets: dict[str, list[data.Dataset]] = {}
    if share:
        seen = data.balanced_fraction(everything, share, seed=seed)
        own = leaked
        if share < 1:
            generator = train_generator(experiment, config, seen, share=share, seed=seed)
            own = generate(generator, seen, len(everything), seed=seed)
        sets = {ALONE: [seen, seen], FAIR: [seen, own]}
    if config.leaky and share < 1:
        sets[LEAKY] = [seen if share else leaked, leaked]
    return sets


def train_digits(
    experiment: study.Experiment, config: Config, images: Sequence[data.Dataset], *, part: str, seed: int
) -> study.TrainedClassifier:
    """Trains the report's classifier on sets in equal parts."""
    classes = len(experiment.class_names)
    model = models.PoolClassifier(experiment.image_shape, classes, layout=experiment.layout)
    return study.train_classifier(
        experiment,
        model,
        epochs=config.classifier_epochs,
        part=part,
        seed=seed,
        images=fill(images, len(experiment.train_set)),
    )


def make_rows(accuracies: Accuracies, *, mnist: bool) -> list[report.Row]:
    """A row for each setting and share; what the report states is of MNIST."""
    return [
        report.Row(
            name=f"{report.percent(share)}, {setting}",
            metrics=report.summarize([{"accuracy": value} for value in values]),
            published={"accuracy": PUBLISHED[setting][share]}
            if mnist and share in PUBLISHED[setting]
            else {},
        )
        for setting, by_share in accuracies.items()
        for share, values in by_share.items()
    ]


def describe(accuracies: Accuracies) -> str:
    """What generated images do to the accuracy, share by share."""
    shares = sorted({share for by_share in accuracies.values() for share in by_share})
    sentences = []
    for share in shares:
        measured = [(setting, of[share]) for setting, of in accuracies.items() if share in of]
        text = ", ".join(f"{np.mean(values):.2%} {setting}" for setting, values in measured)
        sentences.append(f"{report.percent(share)} of the training data: {text}")
    return f"Test accuracy at {'; '.join(sentences)}."


def picture(experiment: study.Experiment, accuracies: Accuracies, *, mnist: bool) -> report.Picture:
    """Accuracies against the share of the data, the report's beside them."""
    series = [
        report.Series(
            name=setting,
            x=list(by_share),
            mean=[float(np.mean(values)) for values in by_share.values()],
            std=[float(np.std(values, ddof=1)) if len(values) > 1 else None for values in by_share.values()],
        )
        for setting, by_share in accuracies.items()
        if by_share
    ]
    published = PUBLISHED[FAIR] | PUBLISHED[LEAKY] if mnist else {}
    figure = report.accuracy_curves(
        series, x_label="share of the training data", y_label="test accuracy", published=published
    )
    caption = (
        "Test accuracy against the share of the data that a classifier saw, with standard deviations over seeds; "
        "the report's values are of its own setting, whose generator saw all of MNIST."
    )
    return experiment.picture("fractions", figure, caption)
