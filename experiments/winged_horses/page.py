"""What the page shows of the models themselves: tables, reconstructions, colours and samples."""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np

import jaxvae
from experiments.winged_horses.claims import SAMPLERS, verdict
from experiments.winged_horses.config import Variant
from experiments.winged_horses.measures import Measures, checkerboard
from experiments.winged_horses.stability import add_diverged, error_of_the_mean
from jaxvae import losses, report, study
from jaxvae.images import as_floats

RECONSTRUCTIONS = report.columns(
    "ssim",
    "ssim_train",
    "ssim_gap",
    "mse",
    "colour_error",
    *report.family("sharpness_ratio_{}", {"reconstructions": "reconstructions"}),
    *report.family("histogram_{}", {"reconstructions": "reconstructions"}),
    "checkerboard",
    "kl",
    "active_units",
    "parameters",
    "epoch_seconds",
    "time_ratio",
)

SAMPLES = ("fid", "kid", "sharpness_ratio", "histogram", "shift")
"""What is measured of samples, for each sampler."""

CONTRASTED = ("ssim", "colour_error", "checkerboard", "fid_prior", "histogram_prior")
"""Columns in which single changes are shown."""

SHOWN = 16
"""Pictures in a line of a gallery."""


def make_tables(
    experiment: study.Experiment,
    variants: Mapping[str, Variant],
    trained: Mapping[str, study.Trained],
    measures: Measures,
    seconds: Mapping[str, float],
) -> list[report.Table]:
    """What is measured of reconstructions, and of samples.

    Args:
        experiment: the run.
        variants: what is compared.
        trained: by variant.
        measures: what they are measured with.
        seconds: time of an epoch, by variant; empty if it was not measured.

    Returns:
        Two tables with the same rows.
    """

    def measured(run: jaxvae.Run) -> dict[str, float]:
        if run.variant not in seconds:
            return measures(run)
        own, first = seconds[run.variant], next(iter(seconds.values()))
        return measures(run) | {"epoch_seconds": own, "time_ratio": own / first}

    table = experiment.table(trained, measured, RECONSTRUCTIONS, caption=measures.words)
    if any(variant.learning_rate is not None for variant in variants.values()):
        baseline = error_of_the_mean(experiment.train_set.images, experiment.test_set.images)
        table = add_diverged(table, trained, measures, seeds=len(experiment.seeds), baseline=baseline)
    samples = [column for key in SAMPLES for column in report.family(f"{key}_{{}}", SAMPLERS)]
    caption = "Samples, by where their codes come from"
    return [table, report.Table(rows=table.rows, columns=samples, caption=caption)]


def make_blocks(
    experiment: study.Experiment,
    tables: Sequence[report.Table],
    variants: Mapping[str, Variant],
    runs: Mapping[str, jaxvae.Run],
    measures: Measures,
) -> list[report.Block]:
    """Tables and figures of the first seed of each variant.

    Args:
        experiment: the run.
        tables: the results.
        variants: what is compared.
        runs: a trained model of each.
        measures: what they were measured with.
    """
    rows, energy = tables[0].rows, checkerboard(experiment.test_set.images)
    columns = [column for table in tables for column in table.columns if column.key in CONTRASTED]
    return [
        *tables,
        report.Paragraph(
            f"{verdict(rows, variants)} Images themselves have {energy:.5f} of their energy at the stride frequency."
        ),
        *report.contrast_blocks(study.contrasts(variants), rows, columns),
        *_reconstructions(experiment, runs),
        *_samples(experiment, runs, measures),
    ]


def _reconstructions(experiment: study.Experiment, runs: Mapping[str, jaxvae.Run]) -> list[report.Block]:
    originals = as_floats(experiment.test_set.images[:SHOWN])
    groups = {"held-out images": originals} | {
        name: np.asarray(run.reconstruct(originals)) for name, run in runs.items()
    }
    coarser = [(name, coarse(images)) for name, images in groups.items()]
    return [
        report.Heading("Reconstructions and their colours"),
        experiment.picture(
            "reconstructions",
            report.comparison(list(groups.items())),
            "Reconstructions by variant.",
        ),
        experiment.picture(
            "colours",
            report.comparison(coarser),
            "The same averaged down to 3x3 pixels, which is all that the colour loss sees.",
        ),
    ]


def _samples(
    experiment: study.Experiment, runs: Mapping[str, jaxvae.Run], measures: Measures
) -> list[report.Block]:
    blocks: list[report.Block] = [report.Heading("Samples")]
    for sampler in measures.samplers:
        groups = [(name, measures.samples(run, sampler)) for name, run in runs.items()]
        figure = report.comparison(groups, columns=SHOWN)
        caption = f"Samples, codes from the {SAMPLERS[sampler]}."
        blocks.append(experiment.picture(f"samples_{sampler}", figure, caption))
    return blocks


def coarse(images: np.ndarray) -> np.ndarray:
    """Images averaged down to 3x3 pixels, as large as they were."""
    small = np.asarray(losses.average_pool(jnp.asarray(images)))
    places = [np.arange(side) * 3 // side for side in images.shape[1:3]]
    return small[:, places[0]][:, :, places[1]]
