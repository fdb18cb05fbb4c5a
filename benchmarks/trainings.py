"""The experiments' own trainings without their data: what each would compile, from flags and the shape of the data.

This module alone imports the experiments, whose programs `benchmarks.compiled` counts.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from experiments import vae_losses_mnist, vlae_mnist, winged_horses
from experiments.conv_vae_mnist import cases
from experiments.conv_vae_mnist.config import PRESETS as CONV_VAE_PRESETS
from experiments.vae_gan_hybrids import PRESETS as HYBRID_PRESETS
from experiments.vae_gan_hybrids import aae, vaegan
from jaxvae import cli, data, models, study, train


@dataclass(frozen=True)
class _Size:
    """What decides the shapes of a data set's arrays: examples, side, channels, classes and attributes."""

    examples: int
    side: int
    channels: int
    classes: int
    attributes: int = 0


_SIZES = {
    "mnist": _Size(60_000, 28, 1, 10),
    "stl10": _Size(105_000, 96, 3, 10),
    "celeb_a": _Size(162_770, 64, 3, 0, 40),
    "drawn": _Size(600, 32, 3, 3),
}
"""The training sets that presets of the experiments name."""


def stand_in(config: cli.RunConfig) -> data.Dataset:
    """A training set of the size and shape that the flags ask for, all black, which takes no memory.

    Args:
        config: flags of an experiment.

    Returns:
        The data set.

    Raises:
        KeyError: a data set that no preset names.
    """
    size = _SIZES[config.data]
    examples = min(size.examples, config.limit or size.examples)
    side = config.image_size or size.side
    shape = (side, side, size.channels)
    attributes = None
    if size.attributes:
        names = tuple(str(number) for number in range(size.attributes))
        attributes = data.Attributes(names, np.broadcast_to(np.bool_(False), (examples, size.attributes)))
    classes = tuple(str(number) for number in range(size.classes))
    return data.Dataset(
        np.broadcast_to(np.uint8(0), (examples, *shape)),
        np.broadcast_to(np.int32(0), (examples,)),
        data.Spec(config.data, shape, classes, "stand-in"),
        attributes,
    )


def open_experiment(name: str, config: cli.RunConfig, parallel: train.Parallel) -> study.Experiment:
    """What `jaxvae.study.Experiment.open` would return on another machine, with a stand-in for the data.

    Args:
        name: of the script.
        config: its flags; those that say where it runs give way to `parallel`.
        parallel: the devices. The data set lies there as a whole: the largest of them takes less than a quarter of the
            smallest device's memory, up to which `jaxvae.data.serve` puts it there.

    Returns:
        An experiment to make trainings of, not to train with.

    Raises:
        ValueError: a batch that the devices cannot share evenly.
    """
    dataset = stand_in(config)
    source = data.Resident(dataset, batch_size=config.batch_size, remainder=config.remainder)
    parallel.check(source)
    return study.Experiment(
        name=name,
        config=config,
        workdir=train.Workdir(config.workdir),
        source=source,
        test_set=dataset,
        batches=(),
        layout=models.layout(
            config.layout, precision=config.precision, platform=parallel.platform, remat=config.remat
        ),
        parallel=parallel,
        parts={},
        started=time.monotonic(),
    )


Make = Callable[[study.Experiment, Any, Any], study.Training]
"""`(experiment, config, variants) -> training`, of the variants of one program."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How the trainings of an experiment are made.

    Attributes:
        presets: makers of its flags.
        variants: what its flags compare, by name.
        make: makes a training of the variants of one program.
        main: how the name of its most typical program begins; the first one's if empty.
    """

    presets: Mapping[str, Callable[[], Any]]
    variants: Callable[[Any], Mapping[str, study.Variant]]
    make: Make
    main: str = ""


@dataclass(frozen=True, kw_only=True)
class _One(study.Variant):
    """Stands for all that an experiment with a single training compares."""

    @property
    def program(self) -> str:
        return "models"


def _vlae_mnist(experiment: study.Experiment, config: vlae_mnist.Config, variants: Any) -> study.Training:
    return vlae_mnist.make_training(config, experiment, vlae_mnist.make_model(config, experiment))


def _vae_losses_mnist(
    experiment: study.Experiment, config: vae_losses_mnist.Config, variants: dict[str, Any]
) -> study.Training:
    """With an untrained perceptual network, which is as large as a trained one."""
    classes = len(experiment.class_names)
    network = models.Classifier(experiment.image_shape, classes, layout=experiment.layout)
    classifier = study.FeatureClassifier(network, models.init(jax.random.key(0), network), math.nan)
    return vae_losses_mnist.make_training(experiment, config, classifier.features, variants)


ENTRIES: Mapping[str, Entry] = {
    "vlae_mnist": Entry(
        presets=vlae_mnist.PRESETS, variants=lambda config: {"all": _One()}, make=_vlae_mnist
    ),
    "vae_losses_mnist": Entry(
        presets=vae_losses_mnist.PRESETS,
        variants=vae_losses_mnist.make_variants,
        make=_vae_losses_mnist,
        main="2d-perceptual",
    ),
    "conv_vae_mnist": Entry(
        presets=CONV_VAE_PRESETS,
        variants=cases.make_variants,
        make=lambda experiment, config, variants: cases.make_training(experiment, variants),
    ),
    "winged_horses": Entry(
        presets=winged_horses.PRESETS,
        variants=winged_horses.make_variants,
        make=lambda experiment, config, variants: winged_horses.Trainings(experiment, config)(variants),
    ),
    "aae": Entry(
        presets=HYBRID_PRESETS["aae"],
        variants=lambda config: {name: aae.VARIANTS[name] for name in config.variants},
        make=aae.make_training,
        main="aae",
    ),
    "vaegan": Entry(
        presets=HYBRID_PRESETS["vaegan"],
        variants=lambda config: {name: vaegan.VARIANTS[name] for name in config.variants},
        make=vaegan.make_training,
        main="vaegan",
    ),
}
"""The experiments by name, the two games of `experiments.vae_gan_hybrids` each by its own."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training and what it runs on.

    Attributes:
        training: the experiment's.
        experiment: with its devices and a stand-in for its data.
        replicas: what is trained side by side.
    """

    training: study.Training
    experiment: study.Experiment
    replicas: list[train.Replica]

    @property
    def source(self) -> data.Source:
        """Of the batches."""
        return self.training.source or self.experiment.source


def find(model: str, parallel: train.Parallel, /, *, preset: str = "full", **flags: Any) -> Job:
    """The training of an experiment on some devices.

    Args:
        model: key of `ENTRIES`, for its most typical program, or with a slash and the name of one of its programs.
        parallel: the devices.
        preset: of the experiment's flags.
        **flags: its flags that are to differ from the preset; None leaves one as it is.

    Returns:
        The training.

    Raises:
        ValueError: unknown names, or flags that the experiment refuses.
    """
    name, _, program = model.partition("/")
    if name not in ENTRIES:
        raise ValueError(f"model must be one of {', '.join(ENTRIES)}, got {model!r}.")
    entry = ENTRIES[name]
    if preset not in entry.presets:
        raise ValueError(f"preset of {name} must be one of {', '.join(entry.presets)}, got {preset!r}.")
    given = {flag: value for flag, value in flags.items() if value is not None}
    config = replace(entry.presets[preset](), **given)
    groups = study.programs(entry.variants(config))
    program = program or next(group for group in groups if group.startswith(entry.main))
    if program not in groups:
        raise ValueError(f"programs of {name} are {', '.join(groups)}, got {program!r}.")
    experiment = open_experiment(name, config, parallel)
    training = entry.make(experiment, config, groups[program])
    replicas = [
        train.Replica(variant, seed, hyper)
        for variant, hyper in training.variants.items()
        for seed in experiment.seeds
    ]
    return Job(training=training, experiment=experiment, replicas=replicas)
