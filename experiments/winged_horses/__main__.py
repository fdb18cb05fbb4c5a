"""A deep convolutional VAE of photographs that dreams of winged horses.

Reproduces the report "Deep convolutional variational autoencoder to generate winged horses": structural similarity and
a colour loss in place of squared error, and images between horses and birds. Beyond it, samples come from a mixture of
Gaussians and from a second VAE, both fitted to the encoded training set, beside those from the prior.

    python -m experiments.winged_horses --data cifar10 --workdir runs/winged_horses_cifar10
    python -m experiments.winged_horses --data folder:PICTURES --image-size 96 --epochs 200
    python -m experiments.winged_horses --classes horse bird
    python -m experiments.winged_horses --preset ablation
"""

from collections.abc import Mapping, Sequence

from tqdm import tqdm

import jaxvae
from experiments.winged_horses import dreams
from experiments.winged_horses.config import PRESETS, Config
from experiments.winged_horses.measures import Measures
from experiments.winged_horses.page import make_blocks
from experiments.winged_horses.rows import Row
from experiments.winged_horses.tables import make_tables, verdict
from experiments.winged_horses.training import (
    make_model,
    make_replicas,
    make_rows,
    program,
    trace,
    train_rows,
)
from jaxvae import cli, report, study

INTRO = (
    "A deep convolutional variational autoencoder of photographs, trained on structural similarity and coarse colour "
    "rather than on squared error, after a report that set out to see winged horses."
)


def main(config: Config) -> None:
    """Trains the rows, measures them, dreams, and writes the report."""
    experiment = study.Experiment.prepare("winged_horses", config)
    rows = make_rows(config)
    check(experiment, config, rows)
    inception = study.find_inception(config)
    open_workdir(experiment, config, rows)
    trained = train_rows(experiment, config, rows)
    measure = Measures(experiment, config, inception)
    table = [
        make_row(name, row, [measure(run) for run in trained[name]])
        for name, row in tqdm(rows.items(), desc="measuring", unit="row")
    ]
    show(experiment, config, table, {name: runs[0] for name, runs in trained.items()}, measure)


def check(experiment: study.Experiment, config: Config, rows: Mapping[str, Row]) -> None:
    """Refuses what could not be trained, measured or dreamt of, before anything is written.

    Raises:
        ValueError: a network or a loss that the images do not fit, too few images, missing weights, or an unknown
            class.
    """
    for row in {program(row): row for row in rows.values()}.values():
        trace(experiment, config, row)
    if len(experiment.test_set) + len(experiment.source.dataset) < 4:
        raise ValueError("distances of sets need at least four images; add some or raise --limit.")
    if config.dream:
        dreams.find_pair(experiment.source.dataset, config.pair)


def open_workdir(experiment: study.Experiment, config: Config, rows: Mapping[str, Row]) -> None:
    """Makes the directory ready; its config.json says which part of it holds which row."""
    replicas = [each for name, row in rows.items() for each in make_replicas(experiment, config, name, row)]
    model = make_model(experiment, config, next(iter(rows.values())))
    record = experiment.record(model, replicas, parts={name: program(row) for name, row in rows.items()})
    experiment.workdir.open(record, resume=config.resume, overwrite=config.overwrite)


def make_row(name: str, row: Row, seeds: Sequence[Mapping[str, float]]) -> report.Row:
    """A row of the tables, over seeds."""
    return report.Row(name=name, metrics=report.summarize(seeds), note=row.note)


def show(
    experiment: study.Experiment,
    config: Config,
    rows: Sequence[report.Row],
    runs: Mapping[str, jaxvae.Run],
    measure: Measures,
) -> None:
    """Draws the figures from the first seed of each row, and writes report.html, metrics.jsonl and results.json."""
    programs = list(dict.fromkeys(program(row) for row in make_rows(config).values()))
    experiment.workdir.merge_metrics(programs)
    tables = make_tables(rows, measure)
    blocks = make_blocks(experiment, tables, runs, measure, programs)
    words, summary, results = verdict(rows), dict(measure.protocol), list(tables)
    if config.dream:
        section = dreams.run(experiment, config, runs[config.rows[-1]])
        blocks, results = [*section.blocks, *blocks], [*tables, *section.tables]
        words, summary = f"{words} {section.words}".strip(), summary | dict(section.summary)
    experiment.publish(
        title="Winged horses from a deep convolutional VAE",
        intro=INTRO,
        tables=results,
        blocks=blocks,
        summary=summary,
        words=words,
    )


if __name__ == "__main__":
    cli.launch(main, PRESETS, description=__doc__)
