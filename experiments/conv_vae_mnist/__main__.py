"""Twelve cases of a small convolutional VAE, a classifier that learns from generated digits, and a latent subspace.

Reproduces the report "Generative Neural Networks" (H. Gopinath) on MNIST, in four chapters: twelve test cases of depth,
learning rate, momentum, dropout and size of the code; plain autoencoders beside VAEs; its classifier trained on MNIST
and generated digits, with the control that it lacks; and what its abstract promises, a part of the code that carries a
binary label while the other knows nothing of it.

    python -m experiments.conv_vae_mnist
    python -m experiments.conv_vae_mnist --chapter cases --variants base 5-D --seeds 3
    python -m experiments.conv_vae_mnist --chapter autoencoder
    python -m experiments.conv_vae_mnist --chapter classifier --generator posterior
    python -m experiments.conv_vae_mnist --chapter subspace --label 7
"""

from collections.abc import Iterator

from experiments.conv_vae_mnist import autoencoder, cases, fractions, guidance, subspace
from experiments.conv_vae_mnist.config import PRESETS, Config
from experiments.conv_vae_mnist.generators import part_name, train_generator
from jaxvae import cli, data, study

INTRO = (
    "A small convolutional variational autoencoder in twelve cases and beside plain autoencoders, a classifier that "
    "learns from its digits, and a latent subspace for a binary label, after a project report."
)


def main(config: Config) -> None:
    """Runs the chapters that are asked for and writes the report."""
    experiment = study.Experiment.open("conv_vae_mnist", config, parts=make_parts(config), least=2)
    check(experiment, config)
    sections = list(run_chapters(experiment, config))
    experiment.publish(
        title="A convolutional VAE in twelve cases, and what a classifier learns from it",
        intro=INTRO,
        tables=[table for section in sections for table in section.tables],
        blocks=[block for section in sections for block in section.blocks],
        curves=(),
        summary={name: value for section in sections for name, value in section.summary.items()},
        words="\n".join(section.words for section in sections),
    )


def make_parts(config: Config) -> dict[str, str]:
    """Which part of the run holds which model."""
    parts: dict[str, str] = {}
    if "classifier" in config.chapters:
        kinds = ("generator", "guided")
        names = [part_name(kind, 1.0, seed) for kind in kinds for seed in config.repeated_seeds]
        parts |= {name: name for name in names}
    if "subspace" in config.chapters:
        parts |= dict.fromkeys((subspace.FREE, subspace.SPLIT), subspace.PART)
    if "autoencoder" in config.chapters:
        parts |= study.parts(autoencoder.make_variants(config))
    if "cases" in config.chapters:
        parts |= study.parts(cases.make_variants(config))
    return parts


def check(experiment: study.Experiment, config: Config) -> None:
    """Refuses what a chapter could not be run with, before anything is written.

    Raises:
        ValueError: a share that leaves a class empty, or an unknown label.
    """
    if "classifier" in config.chapters:
        share = min(share for share in config.fractions if share)
        data.balanced_fraction(experiment.train_set, share, seed=config.seed)
    if "subspace" in config.chapters:
        subspace.relabel(experiment.train_set, config)
        subspace.relabel(experiment.test_set, config)


def run_chapters(experiment: study.Experiment, config: Config) -> Iterator[study.Section]:
    """The chapters that are asked for, one after the other."""
    inception = study.find_inception(config) if "cases" in config.chapters else None
    classifier = study.train_feature_classifier(experiment, epochs=config.classifier_epochs)
    if "cases" in config.chapters:
        yield cases.run(experiment, config, classifier, inception)
    if "autoencoder" in config.chapters:
        yield autoencoder.run(experiment, config, classifier)
    if "classifier" in config.chapters:
        generators = {
            seed: train_generator(experiment, config, experiment.train_set, share=1.0, seed=seed)
            for seed in config.repeated_seeds
        }
        yield fractions.run(experiment, config, generators)
        yield guidance.run(experiment, config, classifier, generators)
    if "subspace" in config.chapters:
        yield subspace.run(experiment, config, classifier)


if __name__ == "__main__":
    cli.launch(main, PRESETS, description=__doc__)
