"""What the page says and shows of the models themselves: tables, reconstructions, colours, samples, curves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jaxvae
from experiments.winged_horses.measures import Measures, as_float, board
from experiments.winged_horses.rows import COMPARED, MAIN, ROWS
from jaxvae import losses, report, study

SAMPLERS = {"prior": "prior", "mixture": "mixture", "second_stage": "second stage"}
"""What samplers are called."""

SHOWN = 16
"""Pictures in a line of a gallery."""

_SET_COLUMNS = (
    replace(report.FID, note="Fréchet distance of samples to real images in the features of Inception v3."),
    replace(report.KID, note="Kernel Inception distance, without bias."),
    report.Column(
        key="histogram",
        title="Colours",
        better="lower",
        note="Share of the samples' pixels that would have to change colour to have the real images' colours as often.",
    ),
    report.Column(
        key="shift",
        title="Tint",
        digits=4,
        better="lower",
        note="Difference of the mean colour of all samples from that of the real images, 0 to 1.",
    ),
)

RECONSTRUCTION = (
    replace(report.SSIM, note="Structural similarity of reconstruction and image, at most 1."),
    report.Column(
        key="mse", title="MSE", digits=4, better="lower", note="Squared error per pixel and channel."
    ),
    report.Column(
        key="colour_error",
        title="Colour error",
        digits=4,
        better="lower",
        note="Difference of the mean colours of reconstruction and image, 0 to 1.",
    ),
    report.Column(
        key="histogram_reconstructions",
        title="Colours of reconstructions",
        better="lower",
        note="Share of the pixels that would have to change colour to have the images' colours as often.",
    ),
    report.Column(
        key="checkerboard",
        title="Checkerboard",
        digits=5,
        better="lower",
        note="Share of the energy of reconstructions at the stride frequency.",
    ),
    report.Column(key="kl", title="KL", unit="nats", digits=1),
    report.Column(
        key="active_units",
        title="Active units",
        digits=0,
        note="Dimensions of the code whose posterior mean varies over images.",
    ),
    report.PARAMETERS,
)

TRAINING = (
    report.Column(key="ssim", title="1 - SSIM"),
    report.Column(key="colour", title="Colour loss"),
    report.Column(key="mse", title="Squared error, sum over pixels"),
    report.Column(key="kl", title="KL", unit="nats"),
)

CONTRASTS = (
    report.Contrast(change="SSIM in place of squared error", before="MSE", after="SSIM"),
    report.Contrast(change="The colour loss", before="SSIM", after=MAIN),
    *(
        report.Contrast(change=row.note.rstrip("."), before=MAIN, after=name)
        for name, row in ROWS.items()
        if name not in COMPARED
    ),
)


def sampler_columns(sampler: str) -> tuple[report.Column, ...]:
    """Columns of what is measured of the samples of one kind."""
    return tuple(
        replace(
            column,
            key=f"{column.key}_{sampler}",
            title=f"{column.title}, {SAMPLERS[sampler]}",
            note=column.note if sampler == "prior" else "",
        )
        for column in _SET_COLUMNS
    )


def make_tables(rows: Sequence[report.Row], measure: Measures) -> list[report.Table]:
    """What is measured of reconstructions, and of samples."""
    samplers = [column for name in SAMPLERS for column in sampler_columns(name)]
    by_measure = sorted(
        samplers, key=lambda column: [c.key for c in _SET_COLUMNS].index(column.key.split("_")[0])
    )
    there = [column for column in by_measure if any(column.key in row.metrics for row in rows)]
    return [
        report.Table(rows=rows, columns=RECONSTRUCTION, caption=f"Reconstructions. {measure.words}"),
        report.Table(rows=rows, columns=there, caption="Samples, by where their codes come from"),
    ]


def verdict(rows: Sequence[report.Row]) -> str:
    """What became of the report's claims, from the numbers."""
    means = {row.name: {key: summary["mean"] for key, summary in row.metrics.items()} for row in rows}
    return " ".join([*_claims(means), *_best_samplers(means)])


def _claims(means: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for before, after, key, what in (
        ("MSE", MAIN, "ssim", "SSIM"),
        ("MSE", MAIN, "colour_error", "Colour error"),
        ("SSIM", MAIN, "colour_error", "Colour error"),
        ("SSIM", MAIN, "histogram_prior", "Distance of samples' colours"),
    ):
        if before in means and after in means:
            old, new = means[before].get(key), means[after].get(key)
            if old is not None and new is not None:
                turn = "higher" if new > old else "not higher"
                yield f"{what} from “{before}” to “{after}”: {old:.4f} → {new:.4f}, {turn}."


def _best_samplers(means: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for name, values in means.items():
        found = {s: value for s in SAMPLERS if (value := values.get(f"fid_{s}")) is not None}
        if len(found) > 1:
            told = ", ".join(f"{SAMPLERS[s]} {value:.1f}" for s, value in found.items())
            yield f"FID of “{name}” by sampler: {told}."


def make_blocks(
    experiment: study.Experiment,
    tables: Sequence[report.Table],
    runs: Mapping[str, jaxvae.Run],
    measure: Measures,
    programs: Sequence[str],
) -> list[report.Block]:
    """Tables and figures of the first seed of each row.

    Args:
        experiment: the run.
        tables: the results.
        runs: a trained model of each row.
        measure: what they were measured with.
        programs: the trainings whose curves are drawn.
    """
    rows, test = tables[0].rows, experiment.test_set.images
    told = [column for table in tables for column in table.columns if column.key in _TOLD]
    records = [r for part in programs for r in report.read_records(experiment.workdir.part(part).metrics)]
    return [
        *tables,
        report.Paragraph(
            f"{verdict(rows)} Images themselves have {board(test):.5f} of their energy at the stride frequency."
        ),
        *report.contrast_blocks(CONTRASTS, rows, told),
        *_reconstructions(experiment, runs),
        *_samples(experiment, runs, measure),
        report.Heading("Training"),
        _picture(
            experiment,
            "curves",
            report.curves(records, TRAINING),
            "Terms of the loss over epochs, whatever they weigh: on training batches (thin) and on a fifth of the "
            "validation images (bold).",
        ),
    ]


def _reconstructions(experiment: study.Experiment, runs: Mapping[str, jaxvae.Run]) -> list[report.Block]:
    originals = as_float(experiment.test_set.images[:SHOWN])
    groups = {"validation images": originals} | {
        name: np.asarray(run.reconstruct(originals)) for name, run in runs.items()
    }
    coarser = [(name, coarse(images)) for name, images in groups.items()]
    return [
        report.Heading("Reconstructions and their colours"),
        _picture(
            experiment,
            "reconstructions",
            report.comparison(list(groups.items())),
            "Reconstructions by row.",
        ),
        _picture(
            experiment,
            "colours",
            report.comparison(coarser),
            "The same averaged down to 3x3 pixels, which is all that the colour loss sees.",
        ),
    ]


def _samples(
    experiment: study.Experiment, runs: Mapping[str, jaxvae.Run], measure: Measures
) -> list[report.Block]:
    blocks: list[report.Block] = [report.Heading("Samples")]
    for sampler in measure.samplers:
        groups = [(name, measure.samples(run, sampler)) for name, run in runs.items()]
        figure = report.comparison(groups, columns=SHOWN)
        caption = f"Samples, codes from the {SAMPLERS[sampler]}."
        blocks.append(_picture(experiment, f"samples_{sampler}", figure, caption))
    return blocks


def _picture(experiment: study.Experiment, name: str, figure: Figure, caption: str) -> report.Picture:
    path = report.save(experiment.workdir.figures / f"{name}.png", figure)
    return report.Picture(path=path, caption=caption, alt=caption)


_TOLD = ("ssim", "colour_error", "checkerboard", "fid_prior", "histogram_prior")
"""Columns that the contrasts speak of."""


def coarse(images: np.ndarray) -> np.ndarray:
    """Images averaged down to 3x3 pixels, as large as they were."""
    small = np.asarray(losses.average_pool(jnp.asarray(images)))
    places = [np.arange(side) * 3 // side for side in images.shape[1:3]]
    return small[:, places[0]][:, :, places[1]]
