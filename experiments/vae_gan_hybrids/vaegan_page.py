"""What the page shows of VAE-GANs and their like."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

import jaxvae
from experiments.vae_gan_hybrids import vaegan_edits
from experiments.vae_gan_hybrids.vaegan_measures import Measures
from experiments.vae_gan_hybrids.vaegan_rows import ROWS
from experiments.vae_gan_hybrids.vaegan_tables import REAL, TRAINING
from jaxvae import report, study

_SHOWN, _DRAWN = 16, 32

_SAMPLES = (
    "Validation images, and samples of each model; models with attributes were asked for those of the validation "
    "images, in the first line for those of the image above."
)


def make_blocks(
    experiment: study.Experiment,
    tables: Sequence[report.Table],
    runs: Mapping[str, jaxvae.Run],
    measure: Measures,
    *,
    parts: Sequence[str],
    words: str,
) -> list[report.Block]:
    """Tables and figures of the first seed of each row.

    Args:
        experiment: the run.
        tables: the results.
        runs: a trained model of each row that did not fail.
        measure: what they were measured with.
        parts: the trainings whose curves are drawn.
        words: what became of the claims.

    Returns:
        In the page's order; the figures are also saved as PNG.
    """
    blocks: list[report.Block] = [*tables, *([report.Paragraph(words)] if words else [])]

    def show(file: str, figure: Figure, caption: str) -> report.Picture:
        return report.picture(experiment.workdir.figures / f"{file}.png", figure, caption)

    originals = experiment.test_set.images[:_SHOWN].astype(np.float32) / 255
    drawn = [(name, measure.samples(run, _DRAWN)) for name, run in runs.items()]
    figure = report.comparison([(REAL, originals), *drawn], columns=_SHOWN)
    blocks += [
        report.Heading("Samples"),
        show("samples", figure, _SAMPLES),
    ]
    again = [
        (name, measure.reconstruct(run, _SHOWN)) for name, run in runs.items() if ROWS[name].kind != "gan"
    ]
    if again:
        figure = report.comparison([(REAL, originals), *again], columns=_SHOWN)
        blocks.append(report.Heading("Reconstructions"))
        blocks.append(show("reconstructions", figure, _reconstructed(len(again) < len(runs))))
    blocks += _attribute_blocks(experiment, show, runs, measure)
    records = experiment.records(parts)
    columns = [column for column in TRAINING if any(column.key in record for record in records)]
    if columns:
        caption = (
            "Terms and losses over epochs: on training batches (thin) and on validation images (bold). Diversity near "
            "0 is mode collapse."
        )
        blocks.append(report.Heading("Training"))
        blocks.append(show("curves", report.curves(records, columns), caption))
    return blocks


def _reconstructed(without: bool) -> str:
    told = "Validation images and their reconstructions from the means of their codes."
    reason = " A GAN is not among them: its encoder is trained to put out the prior, whatever the image."
    return told + reason if without else told


def _attribute_blocks(
    experiment: study.Experiment,
    show: Callable[[str, Figure, str], report.Picture],
    runs: Mapping[str, jaxvae.Run],
    measure: Measures,
) -> list[report.Block]:
    blocks: list[report.Block] = []
    hybrids = {name: run for name, run in runs.items() if ROWS[name].kind == "vaegan"}
    for run in hybrids.values():
        if run.model.attributes:
            blocks.append(show("combinations", *vaegan_edits.by_combination(run, measure)))
            blocks.append(show("edited", *vaegan_edits.edited(experiment, run, measure)))
        else:
            blocks.append(show("vectors", *vaegan_edits.moved(experiment, run, measure.names)))
    return [report.Heading("Attributes"), *blocks] if blocks else []
