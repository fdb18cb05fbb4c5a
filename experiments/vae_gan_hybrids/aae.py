"""The adversarial autoencoder: how codes fill three priors, beside a VAE's, and which digits their parts become."""

from collections.abc import Mapping
from functools import partial

from tqdm import tqdm

from experiments.vae_gan_hybrids import aae_page, aae_tables
from experiments.vae_gan_hybrids.aae_config import AAEConfig
from experiments.vae_gan_hybrids.aae_measures import Measures
from experiments.vae_gan_hybrids.aae_rows import ROWS, Row
from experiments.vae_gan_hybrids.aae_training import make_model, make_replicas, train_row
from experiments.vae_gan_hybrids.stability import attempt, logged, make_row
from jaxvae import study

MOST_CLASSES = 10
"""For which the figures have colours."""

INTRO = (
    "Autoencoders whose codes a discriminator, rather than a KL divergence, brings to a prior: a Gaussian, a ring of "
    "Gaussians, a Swiss roll; and to a part of it for each class where the discriminator is told labels."
)


def main(config: AAEConfig) -> None:
    """Trains the rows, measures them, and writes the report."""
    experiment = study.Experiment.prepare("vae_gan_hybrids", config)
    rows = {name: ROWS[name] for name in config.rows}
    check(experiment, config, rows)
    open_workdir(experiment, config, rows)
    judge = study.train_feature_classifier(experiment, epochs=config.classifier_epochs)
    outcomes = {
        name: attempt(name, partial(train_row, experiment, config, name, row)) for name, row in rows.items()
    }
    measure = Measures(experiment, config, judge)
    table = [
        make_row(name, rows[name].note, outcome, measure)
        for name, outcome in tqdm(outcomes.items(), desc="measuring", unit="row")
    ]
    runs = {name: outcome.runs[0] for name, outcome in outcomes.items() if outcome.runs}
    parts = logged(experiment, rows)
    experiment.workdir.merge_metrics(["classifier", *parts])
    tables = aae_tables.make_tables(table, measure)
    experiment.publish(
        title="Adversarial autoencoders",
        intro=INTRO,
        tables=tables,
        blocks=aae_page.make_blocks(experiment, tables, runs, measure, parts),
        summary=measure.protocol,
        words=aae_tables.verdict(table),
    )


def check(experiment: study.Experiment, config: AAEConfig, rows: Mapping[str, Row]) -> None:
    """Refuses what could not be trained or measured, before anything is written.

    Raises:
        ValueError: a chain of layers that makes no network, images without classes, or too few of them.
    """
    for row in rows.values():
        make_model(experiment, config, row)
    spec = experiment.source.dataset.spec
    if not 2 <= len(spec.class_names) <= MOST_CLASSES:
        raise ValueError(
            f"aae needs images of 2 to {MOST_CLASSES} classes, got {len(spec.class_names)} of {spec.name!r}; choose "
            "some with --classes."
        )
    if len(experiment.test_set) < 12:
        raise ValueError(
            f"aae needs at least 12 validation images, got {len(experiment.test_set)}; raise --limit."
        )


def open_workdir(experiment: study.Experiment, config: AAEConfig, rows: Mapping[str, Row]) -> None:
    """Makes the directory ready; its config.json says which part of it holds which row."""
    replicas = [each for name in rows for each in make_replicas(config, name)]
    model = make_model(experiment, config, next(iter(rows.values())))
    parts = {name: row.program for name, row in rows.items()}
    record = experiment.record(model, replicas, parts=parts)
    experiment.workdir.open(record, resume=config.resume, overwrite=config.overwrite)
