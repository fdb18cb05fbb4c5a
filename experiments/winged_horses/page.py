"""What the page shows of the models themselves: tables, a verdict, reconstructions, colours and samples."""

from collections.abc import Iterator, Mapping, Sequence

import jax.numpy as jnp
import numpy as np

import jaxvae
from experiments.winged_horses.config import MAIN
from experiments.winged_horses.measures import Measures, checkerboard
from jaxvae import losses, report, study
from jaxvae.images import as_floats

SAMPLERS = {"prior": "prior", "mixture": "mixture", "second_stage": "second stage"}
"""What samplers are called."""

RECONSTRUCTIONS = report.columns(
    "ssim",
    "mse",
    "colour_error",
    *report.family("histogram_{}", {"reconstructions": "reconstructions"}),
    "checkerboard",
    "kl",
    "active_units",
    "parameters",
)

SAMPLES = ("fid", "kid", "histogram", "shift")
"""What is measured of samples, for each sampler."""

CONTRASTED = ("ssim", "colour_error", "checkerboard", "fid_prior", "histogram_prior")
"""Columns in which single changes are shown."""

SHOWN = 16
"""Pictures in a line of a gallery."""


def make_tables(
    experiment: study.Experiment, trained: Mapping[str, study.Trained], measures: Measures
) -> list[report.Table]:
    """What is measured of reconstructions, and of samples."""
    table = experiment.table(trained, measures, RECONSTRUCTIONS, caption=measures.words)
    samples = [column for key in SAMPLES for column in report.family(f"{key}_{{}}", SAMPLERS)]
    caption = "Samples, by where their codes come from"
    return [table, report.Table(rows=table.rows, columns=samples, caption=caption)]


def make_blocks(
    experiment: study.Experiment,
    tables: Sequence[report.Table],
    variants: Mapping[str, study.Variant],
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
            f"{verdict(rows)} Images themselves have {energy:.5f} of their energy at the stride frequency."
        ),
        *report.contrast_blocks(study.contrasts(variants), rows, columns),
        *_reconstructions(experiment, runs),
        *_samples(experiment, runs, measures),
    ]


def verdict(rows: Sequence[report.Row]) -> str:
    """What became of the report's claims, from the numbers."""
    means = {row.name: {key: summary["mean"] for key, summary in row.metrics.items()} for row in rows}
    return " ".join([*report.failed(rows), *_claims(rows), *_best_samplers(means)])


def _claims(rows: Sequence[report.Row]) -> Iterator[str]:
    samples = report.family("histogram_{}", {"prior": "samples"})
    ssim, colour, histogram = report.columns("ssim", "colour_error", *samples)
    for before, column in (("MSE", ssim), ("MSE", colour), ("SSIM", colour), ("SSIM", histogram)):
        claim = f"{column.title} from “{before}” to “{MAIN}”"
        yield from report.compare_means(rows, (before, MAIN), column, claim=claim)


def _best_samplers(means: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for name, values in means.items():
        fids = {s: value for s in SAMPLERS if (value := values.get(f"fid_{s}")) is not None}
        if len(fids) > 1:
            listed = ", ".join(f"{SAMPLERS[s]} {value:.1f}" for s, value in fids.items())
            yield f"FID of “{name}” by sampler: {listed}."


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
