"""Trains experiments' own trainings for twenty steps and measures them, alone or as one of several processes.

Tests start it:

python tests/one_process.py ROOT DEVICES MODEL:MODE ... [-- COORDINATOR PROCESSES PROCESS]
"""

import sys
from dataclasses import replace
from pathlib import Path

import optax

from benchmarks import trainings
from experiments import vlae_mnist
from jaxvae import report, study
from jaxvae.cli.distributed import joined

STEPS, BATCH = 20, 8
OPTIMIZER = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(5e-4))
JOINT = ("coordinator", "processes", "process")
FLAGS = {
    "vlae_mnist": {},
    "winged_horses": {"data": "drawn", "image_size": 96},
    "vaegan": {"data": "drawn", "image_size": 64},
}


SMALL = vlae_mnist.ModelConfig(latent_sizes=(2, 2), widths=(4, 4), hidden=16)


def config_of(model, mode, root, devices, **flags):
    """Flags of a run of twenty steps; "small" is a ladder of two levels."""
    small = model == "small"
    config = trainings.ENTRIES["vlae_mnist" if small else model].presets["smoke"]()
    return replace(
        replace(config, model=SMALL) if small else config,
        workdir=Path(root) / f"{model}-{mode}",
        limit=STEPS * BATCH,
        batch_size=BATCH,
        epochs=1,
        parallel=mode,
        devices=devices,
        **FLAGS.get(model, {}),
        **flags,
    )


def train(model, config):
    """Trains the first variant of an experiment's typical program, measures it and writes the report."""
    entry = trainings.ENTRIES["vlae_mnist" if model == "small" else model]
    groups = study.programs(entry.variants(config))
    program = next(group for group in groups if group.startswith(entry.main))
    name, variant = next(iter(groups[program].items()))
    experiment = study.Experiment.open(model, config)
    training = gently(entry.make(experiment, config, {name: variant}))
    trained = experiment.train(training)
    table = experiment.table(
        trained, study.Evaluated(experiment, training.evaluator), [report.Column(key="loss", title="Loss")]
    )
    experiment.publish(title=model, intro="", tables=[table], curves=())


def gently(training):
    """The same training by gradient descent: Adam makes whole steps of gradients that are nothing but rounding."""
    if training.game is None:
        return replace(training, optimizer=OPTIMIZER, tuned=())
    players = {
        name: replace(player, optimizer=OPTIMIZER, hyper=()) for name, player in training.game.players.items()
    }
    return replace(training, game=replace(training.game, players=players))


def main(root, devices, *words):
    jobs = (
        [word.split(":") for word in words[: words.index("--")]]
        if "--" in words
        else [w.split(":") for w in words]
    )
    joint = words[words.index("--") + 1 :] if "--" in words else ()
    flags = (
        dict(zip(("coordinator", "processes", "process"), (*joint[:1], *map(int, joint[1:])), strict=True))
        if joint
        else {}
    )
    first = config_of(*jobs[0], root, int(devices), **flags)
    with joined(first):
        for model, mode in jobs:
            train(model, config_of(model, mode, root, int(devices), **flags))


if __name__ == "__main__":
    main(*sys.argv[1:])
