"""What the page shows of the models themselves: tables, reconstructions, colours, samples, curves."""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jaxvae
from experiments.winged_horses.measures import Measures, board
from experiments.winged_horses.tables import CONTRASTS, SAMPLERS, TOLD, TRAINING, verdict
from jaxvae import losses, report, study

SHOWN = 16
"""Pictures in a line of a gallery."""


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
    told = [column for table in tables for column in table.columns if column.key in TOLD]
    records = experiment.records(programs)
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
    originals = as_floats(experiment.test_set.images[:SHOWN])
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
    return report.picture(experiment.workdir.figures / f"{name}.png", figure, caption)


def coarse(images: np.ndarray) -> np.ndarray:
    """Images averaged down to 3x3 pixels, as large as they were."""
    small = np.asarray(losses.average_pool(jnp.asarray(images)))
    places = [np.arange(side) * 3 // side for side in images.shape[1:3]]
    return small[:, places[0]][:, :, places[1]]
