"""The pages of a study: many models of one kind, with planes of their latent spaces, pictures, and distances.

Images are [n, height, width, channels] in [0, 1].
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from jaxvae.report.bars import bars
from jaxvae.report.blocks import Block, Heading, Paragraph, Picture, picture
from jaxvae.report.column import Column
from jaxvae.report.embeddings import embedding
from jaxvae.report.galleries import Traversal, comparison, traversal
from jaxvae.report.moments import moments
from jaxvae.report.results import Row

Images = Float[np.ndarray, "_ _ _ _"]

_PLANES = 4
"""Latent planes that share a figure at the most, so that their images keep their size."""


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """What one model of a study shows.

    Attributes:
        name: of its row.
        prior: (mean, standard deviation) of its prior in every dimension.
        values: [k], coordinates of the grid along both axes: quantiles of the prior.
        grid: [k, k, h, w, c], decoded at values[j] in the first and values[i] in the second dimension, further ones at
            the prior's mean.
        codes: [n, d], posterior means of validation images.
        reconstructions: [m, h, w, c], of the first validation images.
        samples: [s, h, w, c], from the prior.
        stddev: [n, d], posterior standard deviations of the same images; None leaves out the figure of moments.
    """

    name: str
    prior: tuple[float, float]
    values: Float[np.ndarray, " k"]
    grid: Float[np.ndarray, "k k h w c"]
    codes: Float[np.ndarray, "n d"]
    reconstructions: Images
    samples: Images
    stddev: Float[np.ndarray, "n d"] | None = None


def model_blocks(
    folder: Path,
    cases: Sequence[ModelView],
    *,
    originals: Images,
    labels: Integer[np.ndarray, " n"],
    class_names: Sequence[str],
) -> list[Block]:
    """Pictures of every model: samples, reconstructions, the plane of its latent space, and its codes by class.

    Args:
        folder: where the PNG files go: samples.png, reconstructions.png, grids_1.png and further ones, and for each
            case codes_NAME.png, moments_NAME.png, or both; the latter shows the codes of a 2-D latent space too.
        cases: the models. The planes of those that share a prior, `values` and the shape of an image share figures.
        originals: [m, h, w, c], the images that were reconstructed.
        labels: [n], class numbers of the images behind the codes.
        class_names: name of class 0, 1, ...

    Returns:
        Headings and pictures.
    """
    rows = [("original", originals), *((case.name, case.reconstructions) for case in cases)]
    samples = [(case.name, case.samples) for case in cases]
    return [
        Heading("Samples"),
        picture(
            folder / "samples.png", comparison(samples, columns=16), "Random samples from each model's prior."
        ),
        Heading("Reconstructions"),
        picture(
            folder / "reconstructions.png",
            comparison(rows, columns=16),
            "The first validation images and the means of their reconstructions.",
        ),
        Heading("Latent planes"),
        *_planes(folder, cases),
        Heading("Codes by class"),
        *(
            picture
            for case in cases
            for picture in _codes(folder, case, labels=labels, class_names=class_names)
        ),
    ]


def distance_blocks(
    folder: Path, rows: Sequence[Row], columns: Sequence[Column], *, words: str
) -> list[Block]:
    """Bar charts of distances, beside what was published.

    Args:
        folder: where the PNG files go.
        rows: results.
        columns: the metrics, one chart each; those that no row has are left out.
        words: what there is to say about them, below.

    Returns:
        A heading, pictures and a paragraph.
    """
    blocks: list[Block] = [Heading("Distances to the data")]
    for column in columns:
        if any(column.key in row.metrics for row in rows):
            caption = f"{column.title} of each model; less is closer to the data."
            blocks.append(picture(folder / f"{column.key}.png", bars(rows, column), caption))
    return [*blocks, Paragraph(words)]


def _planes(folder: Path, cases: Sequence[ModelView]) -> list[Picture]:
    alike: dict[object, list[ModelView]] = defaultdict(list)
    for case in cases:
        alike[case.prior, case.values.tobytes(), case.grid.shape].append(case)
    figures = [
        group[first : first + _PLANES] for group in alike.values() for first in range(0, len(group), _PLANES)
    ]
    pictures = []
    for number, shown in enumerate(figures, start=1):
        panels = [
            Traversal(title=case.name, grid=case.grid, x_label="$z[0]$", y_label="$z[1]$") for case in shown
        ]
        loc, scale = shown[0].prior
        caption = (
            "Images decoded on a grid of equal steps in the probability of the prior "
            f"N({loc:g}, {scale:g}): {', '.join(case.name for case in shown)}."
        )
        figure = traversal(panels, values=shown[0].values)
        pictures.append(picture(folder / f"grids_{number}.png", figure, caption))
    return pictures


def _codes(
    folder: Path, case: ModelView, *, labels: Integer[np.ndarray, " n"], class_names: Sequence[str]
) -> list[Picture]:
    """Where a case's posteriors lie; the moments of two dimensions show that too."""
    loc, scale = case.prior
    plane = case.codes.shape[1] == 2
    images = f"{len(labels):,} validation images"
    circles = "circles are one and two standard deviations of the prior"
    pictures = []
    if case.codes.shape[1] >= 2 and (case.stddev is None or not plane):
        figure = embedding([(case.name, case.codes)], labels, class_names=class_names, loc=loc, scale=scale)
        caption = f"{case.name}: posterior means of {images}, coloured by class; {circles}."
        pictures.append(picture(folder / f"codes_{_slug(case.name)}.png", figure, caption))
    if case.stddev is not None:
        figure = moments(case.codes, case.stddev, labels, class_names=class_names, loc=loc, scale=scale)
        told = (
            f"means and variances of the posteriors of {images}, coloured by class; {circles}, dashes its variance, "
            "large dots the median of each class"
            if plane
            else f"for each class of {images} and each latent dimension, how sure the encoder is and how far its "
            "means spread; darker carries more"
        )
        pictures.append(picture(folder / f"moments_{_slug(case.name)}.png", figure, f"{case.name}: {told}."))
    return pictures


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
