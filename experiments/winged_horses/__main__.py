"""A deep convolutional VAE of photographs that dreams of winged horses.

Reproduces the report "Deep convolutional variational autoencoder to generate winged horses": structural similarity and
a colour loss in place of squared error, and images between horses and birds. Beyond it, samples come from a mixture of
Gaussians and from a second VAE, both fitted to the encoded training set, beside those from the prior.

    python -m experiments.winged_horses --data cifar10 --workdir runs/winged_horses_cifar10
    python -m experiments.winged_horses --data folder:PICTURES --image-size 96
    python -m experiments.winged_horses --classes horse bird
    python -m experiments.winged_horses --preset ablation
    python -m experiments.winged_horses --preset overfitting --seeds 3
"""

from functools import partial

from experiments.winged_horses import dreams
from experiments.winged_horses.claims import verdict
from experiments.winged_horses.config import PRESETS, Config, make_variants
from experiments.winged_horses.measures import Measures
from experiments.winged_horses.page import make_blocks, make_tables
from experiments.winged_horses.training import Trainings, select, time_steps
from jaxvae import cli, study

INTRO = (
    "A deep convolutional variational autoencoder of photographs, trained on structural similarity and coarse colour "
    "rather than on squared error, after a report that set out to see winged horses."
)


def main(config: Config) -> None:
    """Trains the variants, measures them, dreams, and writes the report."""
    variants = make_variants(config)
    experiment = study.Experiment.open(
        "winged_horses", config, parts=study.parts(variants), select=partial(select, config)
    )
    check(experiment, config)
    inception, trainings = study.find_inception(config), Trainings(experiment, config)
    dreamer = config.variants[-1]
    if config.estimate and config.dream:
        dreams.train_judge(experiment, config)
    trained = experiment.train_variants(variants, trainings)
    measures = Measures(experiment, config, inception, lambda name: trainings.seen(variants[name]))
    tables = make_tables(
        experiment,
        variants,
        trained,
        measures,
        time_steps(experiment, trainings, variants) if config.time else {},
    )
    runs, words = study.first_runs(trained), verdict(tables[0].rows, variants)
    blocks = make_blocks(experiment, tables, variants, runs, measures)
    summary, results = dict(measures.protocol), list(tables)
    if config.dream and dreamer in runs:
        judge = dreams.train_judge(experiment, config)
        section = dreams.run(experiment, config, trained[dreamer].runs, judge)
        blocks, results = [*section.blocks, *blocks], [*results, *section.tables]
        words, summary = f"{words} {section.words}".strip(), summary | dict(section.summary)
    experiment.publish(
        title="Winged horses from a deep convolutional VAE",
        intro=INTRO,
        tables=results,
        blocks=blocks,
        summary=summary,
        words=words,
    )


def check(experiment: study.Experiment, config: Config) -> None:
    """Refuses what could not be measured or dreamt of, before anything is written.

    Raises:
        ValueError: too few images, or an unknown class.
    """
    if len(experiment.test_set) + len(experiment.train_set) < 4:
        raise ValueError("distances of sets need at least four images; add some or raise --limit.")
    if config.dream:
        dreams.find_pair(experiment.train_set, config.pair)


if __name__ == "__main__":
    cli.launch(main, PRESETS, description=__doc__)
