"""Part two, first half: classifiers that learn from digits of MNIST, generated ones, and both."""

from collections.abc import Mapping, Sequence

import numpy as np
from tqdm import tqdm

import jaxvae
from experiments.conv_vae_mnist.config import Config
from experiments.conv_vae_mnist.generators import fill, generate, part_name, train_generator
from experiments.conv_vae_mnist.section import Section
from jaxvae import data, models, report, study

ALONE, FAIR, LEAKY = (
    "MNIST alone",
    "with generated digits",
    "with digits of a generator that saw all of MNIST",
)

PARTS = {ALONE: "alone", FAIR: "fair", LEAKY: "leaky"}
"""Names of the settings in the run's directory, in the order of the table."""

PUBLISHED = {ALONE: {1.0: 0.9847}, FAIR: {1.0: 0.9869}, LEAKY: {0.2: 0.9693, 0.5: 0.9797}}
"""Test accuracy that the report states, by setting and share of MNIST; its generator saw all of MNIST."""

ACCURACY = report.Column(
    key="accuracy",
    title="Test accuracy",
    digits=4,
    better="higher",
    note="Share of the validation images that the classifier takes for what they are. All classifiers are trained for "
    "the same number of steps; where there are generated digits, they are half of what is shown.",
)

INTRO = (
    "The report trains a classifier on generated digits and a share of MNIST. Its generator had seen all of MNIST, so "
    "that what the classifier learns from generated digits includes labels that its own share does not have. Here a "
    "generator sees the classifier's share only, unless the row says otherwise; classifiers on the share alone are the "
    "control that the report lacks. With none of MNIST, only a generator that saw more can teach anything."
)

Accuracies = dict[str, dict[float, list[float]]]
"""Test accuracies over seeds, by setting and share."""


def run(experiment: study.Experiment, config: Config, generators: Mapping[int, jaxvae.Run]) -> Section:
    """Trains a classifier for each setting, share and seed.

    Args:
        experiment: the run, opened.
        config: its flags.
        generators: those that saw all of the data, by seed.

    Returns:
        Accuracies, in words, as a table and as a figure.
    """
    accuracies: Accuracies = {setting: {} for setting in PARTS}
    parts = [
        part_name("generator", share, seed) for share in config.fractions if share for seed in generators
    ]
    with tqdm(total=len(generators) * len(config.fractions), desc="classifiers", unit="share") as bar:
        for seed, whole in generators.items():
            for share in sorted(config.fractions):
                for setting, images in make_sets(experiment, config, share, whole).items():
                    part = part_name(f"digits-{PARTS[setting]}", share, seed)
                    trained = train_digits(experiment, config, images, part=part, seed=seed)
                    accuracies[setting].setdefault(share, []).append(trained.accuracy)
                    parts.append(part)
                bar.update()
    mnist = config.data == "mnist"
    caption = f"Classifiers by what they were trained on, over {config.repeats} seeds"
    table = report.Table(rows=make_rows(accuracies, mnist=mnist), columns=[ACCURACY], caption=caption)
    words = tell(accuracies)
    blocks = [
        report.Heading("A classifier that learns from generated digits"),
        report.Paragraph(INTRO),
        table,
        report.Paragraph(words),
        picture(experiment, accuracies, mnist=mnist),
    ]
    return Section(tables=[table], blocks=blocks, parts=parts, words=words)


def make_sets(
    experiment: study.Experiment, config: Config, share: float, whole: jaxvae.Run
) -> dict[str, list[data.Dataset]]:
    """What the classifiers of one share and seed are trained on, by setting: two sets that each make up half.

    Args:
        experiment: the run, opened.
        config: its flags.
        share: of the data that the classifier sees.
        whole: the seed's generator that saw all of the data.
    """
    everything, seed = experiment.source.dataset, whole.seed
    n = len(everything)
    sets: dict[str, list[data.Dataset]] = {}
    if share:
        seen = data.balanced_fraction(everything, share, seed=seed)
        own = whole if share == 1 else train_generator(experiment, config, seen, share=share, seed=seed)
        sets = {ALONE: [seen, seen], FAIR: [seen, generate(own, seen, n, seed=seed)]}
    if config.leaky and share < 1:
        leaked = generate(whole, everything, n, seed=seed)
        sets[LEAKY] = [seen if share else leaked, leaked]
    return sets


def train_digits(
    experiment: study.Experiment, config: Config, images: Sequence[data.Dataset], *, part: str, seed: int
) -> study.TrainedClassifier:
    """Trains the report's classifier on sets in equal parts."""
    spec = experiment.source.dataset.spec
    model = models.PoolClassifier(spec.image_shape, len(spec.class_names), layout=experiment.layout)
    return study.train_classifier(
        experiment,
        model,
        epochs=config.classifier_epochs,
        part=part,
        seed=seed,
        images=fill(images, len(experiment.source.dataset)),
    )


def make_rows(accuracies: Accuracies, *, mnist: bool) -> list[report.Row]:
    """A row for each setting and share; what the report states is of MNIST."""
    return [
        report.Row(
            name=f"{percent(share)}, {setting}",
            metrics=report.summarize([{"accuracy": value} for value in values]),
            published={"accuracy": PUBLISHED[setting][share]}
            if mnist and share in PUBLISHED[setting]
            else {},
        )
        for setting, by_share in accuracies.items()
        for share, values in by_share.items()
    ]


def percent(share: float) -> str:
    """A share in words: "5 %"."""
    return f"{100 * share:g} %"


def tell(accuracies: Accuracies) -> str:
    """What generated digits do to the error, share by share."""
    sentences = []
    for share, alone in accuracies[ALONE].items():
        pairs = [
            f"{np.mean(alone):.2%} alone",
            f"{np.mean(accuracies[FAIR][share]):.2%} with generated digits",
        ]
        if share in accuracies[LEAKY]:
            pairs.append(f"{np.mean(accuracies[LEAKY][share]):.2%} with leaked labels")
        sentences.append(f"with {percent(share)} {', '.join(pairs)}")
    return f"Test accuracy {'; '.join(sentences)}."


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
    figure = report.against(
        series, x_label="share of the training data", y_label="test accuracy", published=published
    )
    caption = (
        "Test accuracy against the share of the data that a classifier saw, with standard deviations over seeds; "
        "the report's values are of its own setting, whose generator saw all of MNIST."
    )
    path = report.save(experiment.workdir.figures / "fractions.png", figure)
    return report.Picture(path=path, caption=caption, alt=caption)
