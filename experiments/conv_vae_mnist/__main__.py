"""Twelve cases of a small convolutional VAE, a classifier that learns from generated digits, and a latent subspace.

Reproduces the report "Generative Neural Networks" (H. Gopinath) on MNIST, in three parts: its twelve test cases of
depth, learning rate, momentum, dropout and size of the code; its classifier trained on MNIST and generated digits,
with the control that it lacks; and what its abstract promises, a part of the code that carries a binary label while
the other knows nothing of it.

    python -m experiments.conv_vae_mnist
    python -m experiments.conv_vae_mnist --part cases --cases base 5-D --seeds 3
    python -m experiments.conv_vae_mnist --part classifier --generator posterior
    python -m experiments.conv_vae_mnist --part subspace --label 7
"""

from collections.abc import Iterator

from experiments.conv_vae_mnist import cases, fractions, guidance, subspace
from experiments.conv_vae_mnist.config import PRESETS, Config
from experiments.conv_vae_mnist.generators import part_name, train_generator
from jaxvae import cli, data, evaluate, study, train

INTRO = (
    "A small convolutional variational autoencoder in twelve cases, a classifier that learns from its digits, and a "
    "latent subspace for a binary label, after a project report."
)


def main(config: Config) -> None:
    """Runs the parts that are asked for and writes the report."""
    experiment = study.Experiment.prepare("conv_vae_mnist", config)
    check(experiment, config)
    inception = study.find_inception(config) if "cases" in config.parts else None
    open_workdir(experiment, config)
    sections = list(run_parts(experiment, config, inception))
    parts = dict.fromkeys(part for section in sections for part in section.parts)
    experiment.workdir.merge_metrics(["classifier", *parts])
    experiment.publish(
        title="A convolutional VAE in twelve cases, and what a classifier learns from it",
        intro=INTRO,
        tables=[table for section in sections for table in section.tables],
        blocks=[block for section in sections for block in section.blocks],
        summary={name: value for section in sections for name, value in section.summary.items()},
        words="\n".join(section.words for section in sections),
    )


def check(experiment: study.Experiment, config: Config) -> None:
    """Refuses what a part could not be run with, before anything is written.

    Raises:
        ValueError: too few images, a share that leaves a class empty, or a label that there is not.
    """
    if len(experiment.test_set) < 2:
        raise ValueError("a Fréchet distance needs at least 2 validation images, got 1; raise --limit.")
    if "classifier" in config.parts:
        share = min(share for share in config.fractions if share)
        data.balanced_fraction(experiment.source.dataset, share, seed=config.seed)
    if "subspace" in config.parts:
        subspace.relabel(experiment.source.dataset, config)
        subspace.relabel(experiment.test_set, config)


def open_workdir(experiment: study.Experiment, config: Config) -> None:
    """Makes the directory ready; its config.json says which part of it holds which model."""
    seeds = config.repeated_seeds
    parts: dict[str, str] = {}
    replicas: list[train.Replica] = []
    if "classifier" in config.parts:
        generators = {part_name(kind, 1.0, seed): seed for kind in ("generator", "guided") for seed in seeds}
        parts |= {name: name for name in generators}
        replicas += [train.Replica(name, seed, {}) for name, seed in generators.items()]
    if "subspace" in config.parts:
        parts |= dict.fromkeys((subspace.FREE, subspace.SPLIT), subspace.PART)
        replicas += subspace.make_replicas(config)
    made = cases.make_cases(config)
    if "cases" in config.parts:
        parts |= {name: case.program for name, case in made.items()}
        replicas += [each for name, case in made.items() for each in cases.make_replicas(config, name, case)]
    model = cases.make_model(experiment, next(iter(made.values())))
    record = experiment.record(model, replicas, parts=parts)
    experiment.workdir.open(record, resume=config.resume, overwrite=config.overwrite)


def run_parts(
    experiment: study.Experiment, config: Config, inception: evaluate.Inception | None
) -> Iterator[study.Section]:
    """The parts that are asked for, one after the other."""
    judge = study.train_feature_classifier(experiment, epochs=config.classifier_epochs)
    if "cases" in config.parts:
        yield cases.run(experiment, config, judge, inception)
    if "classifier" in config.parts:
        everything = experiment.source.dataset
        generators = {
            seed: train_generator(experiment, config, everything, share=1.0, seed=seed)
            for seed in config.repeated_seeds
        }
        yield fractions.run(experiment, config, generators)
        yield guidance.run(experiment, config, judge, generators)
    if "subspace" in config.parts:
        yield subspace.run(experiment, config, judge)


if __name__ == "__main__":
    cli.launch(main, PRESETS, description=__doc__)
