"""What the page says of the models themselves in numbers: columns, contrasts, tables and a verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from experiments.winged_horses.measures import Measures
from experiments.winged_horses.rows import COMPARED, MAIN, ROWS
from jaxvae import report

SAMPLERS = {"prior": "prior", "mixture": "mixture", "second_stage": "second stage"}
"""What samplers are called."""

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

TOLD = ("ssim", "colour_error", "checkerboard", "fid_prior", "histogram_prior")
"""Columns that the contrasts speak of."""


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
