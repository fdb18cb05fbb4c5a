"""Part two, first half: classifiers that learn from real digits, generated ones, and both."""

from collections.abc import Mapping, Sequence

from tqdm import tqdm

import jaxvae
from experiments.conv_vae_mnist.config import Config
from experiments.conv_vae_mnist.fractions_page import (
    ACCURACY,
    ALONE,
    FAIR,
    INTRO,
    LEAKY,
    PARTS,
    Accuracies,
    make_rows,
    picture,
    tell,
)
from experiments.conv_vae_mnist.generators import fill, generate, part_name, train_generator
from jaxvae import data, models, report, study


def run(experiment: study.Experiment, config: Config, generators: Mapping[int, jaxvae.Run]) -> study.Section:
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
    everything = experiment.source.dataset
    with tqdm(total=len(generators) * len(config.fractions), desc="classifiers", unit="share") as bar:
        for seed, whole in generators.items():
            leaked = generate(whole, everything, len(everything), seed=seed)
            for share in sorted(config.fractions):
                for setting, images in make_sets(experiment, config, share, leaked, seed=seed).items():
                    part = part_name(f"digits-{PARTS[setting]}", share, seed)
                    trained = train_digits(experiment, config, images, part=part, seed=seed)
                    accuracies[setting].setdefault(share, []).append(trained.accuracy)
                    parts.append(part)
                bar.update()
    mnist = config.data == "mnist"
    caption = f"Classifiers by what they were trained on, over {len(generators)} seeds"
    table = report.Table(rows=make_rows(accuracies, mnist=mnist), columns=[ACCURACY], caption=caption)
    words = tell(accuracies)
    blocks: list[report.Block] = [
        report.Heading("A classifier that learns from generated digits"),
        report.Paragraph(INTRO),
        table,
        report.Paragraph(words),
        picture(experiment, accuracies, mnist=mnist),
    ]
    return study.Section(tables=[table], blocks=blocks, parts=parts, words=words)


def make_sets(
    experiment: study.Experiment, config: Config, share: float, leaked: data.Dataset, *, seed: int
) -> dict[str, list[data.Dataset]]:
    """What the classifiers of one share and seed are trained on, by setting: two sets that each make up half.

    Args:
        experiment: the run, opened.
        config: its flags.
        share: of the data that the classifier sees, and the generator of the fair setting.
        leaked: images by the seed's generator that saw all of the data.
        seed: decides the share.
    """
    everything = experiment.source.dataset
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
