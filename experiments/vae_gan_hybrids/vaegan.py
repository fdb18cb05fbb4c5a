"""The VAE-GAN beside the VAE and the GAN that it joins, with attributes and without."""

from collections.abc import Mapping
from functools import partial

from tqdm import tqdm

from experiments.vae_gan_hybrids import vaegan_page, vaegan_tables
from experiments.vae_gan_hybrids.stability import attempt, logged, make_row, without_collapsed
from experiments.vae_gan_hybrids.vaegan_config import VAEGANConfig
from experiments.vae_gan_hybrids.vaegan_measures import Measures
from experiments.vae_gan_hybrids.vaegan_rows import ROWS, Row
from experiments.vae_gan_hybrids.vaegan_training import make_model, make_replicas, train_row, with_attributes
from jaxvae import study

INTRO = (
    "A variational autoencoder whose reconstructions a discriminator compares in its own features, and whose decoder "
    "has to deceive it; beside the autoencoder and the adversarial network that it joins, with attributes and without."
)


def main(config: VAEGANConfig) -> None:
    """Trains the rows, measures them, and writes the report."""
    experiment = with_attributes(study.Experiment.prepare("vae_gan_hybrids", config), config)
    rows = {name: ROWS[name] for name in config.rows}
    check(experiment, config, rows)
    inception = study.find_inception(config)
    open_workdir(experiment, config, rows)
    judge = study.train_attribute_classifier(experiment, epochs=config.judge_epochs)
    outcomes = {
        name: attempt(name, partial(train_row, experiment, config, name, row)) for name, row in rows.items()
    }
    measure = Measures(experiment, config, judge, inception)
    standing = {
        name: without_collapsed(name, outcome, measure, least=config.least_diversity)
        for name, outcome in tqdm(outcomes.items(), desc="measuring", unit="row")
    }
    table = [make_row(name, rows[name].note, outcome, measure) for name, outcome in standing.items()]
    parts = logged(experiment, rows)
    experiment.workdir.merge_metrics(["attributes", *parts])
    tables = vaegan_tables.make_tables(table, measure)
    words = vaegan_tables.verdict(table, ceiling=judge.accuracy)
    runs = {name: outcome.runs[0] for name, outcome in standing.items() if outcome.runs}
    experiment.publish(
        title="VAE-GAN",
        intro=INTRO,
        tables=tables,
        blocks=vaegan_page.make_blocks(experiment, tables, runs, measure, parts=parts, words=words),
        summary=measure.protocol,
        words=words,
    )


def check(experiment: study.Experiment, config: VAEGANConfig, rows: Mapping[str, Row]) -> None:
    """Refuses what could not be trained or measured, before anything is written.

    Raises:
        ValueError: networks that the images do not fit, or too few images.
    """
    for row in rows.values():
        make_model(experiment, config, row)
    if len(experiment.test_set) < 2:
        raise ValueError("distances of sets need at least two validation images; add some or raise --limit.")


def open_workdir(experiment: study.Experiment, config: VAEGANConfig, rows: Mapping[str, Row]) -> None:
    """Makes the directory ready; its config.json says which part of it holds which row."""
    replicas = [each for name in rows for each in make_replicas(config, name)]
    model = make_model(experiment, config, next(iter(rows.values())))
    record = experiment.record(model, replicas, parts={name: row.program for name, row in rows.items()})
    experiment.workdir.open(record, resume=config.resume, overwrite=config.overwrite)
