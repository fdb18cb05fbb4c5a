"""Chapter three, second half: a generator that learns from a classifier.

The report's third theoretical question asks for a classifier as part of the VAE's loss. Here it is one that was trained
on MNIST and stays as it is: its cross-entropy on the reconstruction, against the label, joins the loss.
"""

from collections.abc import Mapping

import numpy as np

import jaxvae
from experiments.conv_vae_mnist.config import Config
from experiments.conv_vae_mnist.fractions import ALONE, PARTS, train_digits
from experiments.conv_vae_mnist.generators import generate, part_name, train_generator
from jaxvae import data, evaluate, report, study
from jaxvae.screen import Bar

PLAIN, GUIDED = "without the classifier", "with the classifier in the loss"

EXPERT = f"digits-{PARTS[ALONE]}"
"""The classifier in the loss is the one that learns from all real images alone."""

COLUMNS = report.columns("agreement", "elbo", "bce", "kl", "classifier_fid")


def run(
    experiment: study.Experiment,
    config: Config,
    classifier: study.FeatureClassifier,
    generators: Mapping[int, jaxvae.Run],
) -> study.Section:
    """Trains a generator with a classifier in its loss for every seed, and compares it with the one without.

    Args:
        experiment: the run.
        config: its flags.
        classifier: tells what generated digits show.
        generators: those without, which saw all of the data, by seed.

    Returns:
        Label agreement and quality of both, and their digits.
    """
    everything = experiment.train_set
    classes = len(everything.spec.class_names)
    measured: dict[str, list[dict[str, float]]] = {PLAIN: [], GUIDED: []}
    digits: dict[str, np.ndarray] = {}
    for seed, plain in Bar(generators.items(), desc="generators", unit="seed"):
        part = part_name(EXPERT, 1.0, seed)
        expert = train_digits(experiment, config, [everything, everything], part=part, seed=seed)
        guided = train_generator(experiment, config, everything, share=1.0, seed=seed, classifier=expert)
        for name, generator in ((PLAIN, plain), (GUIDED, guided)):
            measured[name].append(measure(experiment, config, classifier, generator))
            digits.setdefault(name, draw(experiment, generator, 10 * classes).images)
    rows = [report.Row(name=name, metrics=report.summarize(values)) for name, values in measured.items()]
    caption = f"Generators ({config.generator}) without and with the classifier"
    table = report.Table(rows=rows, columns=COLUMNS, caption=caption)
    agreement = {name: np.mean([each["agreement"] for each in values]) for name, values in measured.items()}
    words = (
        f"Of generated digits, {agreement[PLAIN]:.2%} are taken for what was asked for without the classifier in the "
        f"loss, {agreement[GUIDED]:.2%} with it, at weight {config.classifier_loss:g}; of real ones, the same "
        f"classifier takes {classifier.accuracy:.2%} for what they are."
    )
    caption = "Generated digits of the first seed, one class a column."
    figure = report.comparison(list(digits.items()), columns=classes)
    return study.Section(
        tables=[table],
        blocks=[
            report.Heading("A generator that learns from a classifier"),
            table,
            report.Paragraph(words),
            experiment.picture("digits", figure, caption),
        ],
        summary={"classifier_accuracy": classifier.accuracy, "generator": config.generator},
        words=words,
    )


def draw(experiment: study.Experiment, generator: jaxvae.Run, n: int) -> data.Dataset:
    """Digits by a generator, other ones than a classifier was trained on."""
    return generate(generator, experiment.train_set, n, seed=2**31 - 1 - generator.seed)


def measure(
    experiment: study.Experiment, config: Config, classifier: study.FeatureClassifier, generator: jaxvae.Run
) -> dict[str, float]:
    """How far a generator's digits are what was asked for, and how well it models the held-out images."""
    digits = draw(experiment, generator, config.samples)
    reals = classifier.moments(experiment.test_set.images[: config.samples])
    return {
        "agreement": float(np.mean(classifier.classes(digits.images) == digits.labels)),
        "classifier_fid": evaluate.frechet_distance(classifier.moments(digits.images), reals),
        **study.lower_bound(generator, experiment.batches),
    }
