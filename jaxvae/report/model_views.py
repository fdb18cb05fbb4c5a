"""Page sections that compare many models of one kind: samples, reconstructions, latent planes, distances.

Images are [n, height, width, channels] in [0, 1].
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from jaxvae.images import Images
from jaxvae.report.bars import bars
from jaxvae.report.blocks import Block, Heading, Paragraph, Picture, picture
from jaxvae.report.column import Column
from jaxvae.report.embeddings import embedding
from jaxvae.report.galleries import Traversal, comparison, traversal
from jaxvae.report.moments import moments
from jaxvae.report.results import Row

_PLANES = 4
"""Most latent planes in one figure, so that their images do not shrink."""


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """Images and codes of one model, for the figures of a page.

    Attributes:
        name: name of the model's row.
        prior: (mean, standard deviation) of the prior in every dimension.
        values: [k], coordinates of the grid along both axes: quantiles of the prior.
        grid: [k, k, h, w, c], grid[i, j] decoded at values[j] in the first and values[i] in the second dimension, with
            all other dimensions at the prior's mean.
        codes: [n, d], posterior means of held-out images.
        reconstructions: [m, h, w, c], reconstructions of the first held-out images.
        samples: [s, h, w, c], decoded from draws from the prior.
        stddev: [n, d], posterior standard deviations of the same images; None omits the figure of moments.
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
    views: Sequence[ModelView],
    *,
    originals: Images,
    labels: Integer[np.ndarray, " n"],
    class_names: Sequence[str],
) -> list[Block]:
    """Pictures of every model: samples, reconstructions, the plane of its latent space, and its codes by class.

    Args:
        folder: where the PNG files go: samples.png, reconstructions.png, grids_1.png and so on, and for each model
            codes_NAME.png, moments_NAME.png, or both; the latter also shows the codes of a 2-D latent space.
        views: the models. Models with the same prior, `values` and image shape share figures of their planes.
        originals: [m, h, w, c], the images that were reconstructed.
        labels: [n], class numbers of the encoded images.
        class_names: name of class 0, 1, ...

    Returns:
        Headings and pictures.
    """
    rows = [("original", originals), *((view.name, view.reconstructions) for view in views)]
    samples = [(view.name, view.samples) for view in views]
    return [
        Heading("Samples"),
        picture(
            folder / "samples.png", comparison(samples, columns=16), "Random samples from each model's prior."
        ),
        Heading("Reconstructions"),
        picture(
            folder / "reconstructions.png",
            comparison(rows, columns=16),
            "The first held-out images and the means of their reconstructions.",
        ),
        Heading("Latent planes"),
        *_planes(folder, views),
        Heading("Codes by class"),
        *(
            picture
            for view in views
            for picture in _codes(folder, view, labels=labels, class_names=class_names)
        ),
    ]


def distance_blocks(
    folder: Path, rows: Sequence[Row], columns: Sequence[Column], *, words: str
) -> list[Block]:
    """Bar charts of distances beside the published values.

    Args:
        folder: where the PNG files go.
        rows: results.
        columns: the metrics, one chart each; metrics that no row has are left out.
        words: paragraph below the charts.

    Returns:
        A heading, pictures and a paragraph.
    """
    blocks: list[Block] = [Heading("Distances to the data")]
    for column in columns:
        if any(column.key in row.metrics for row in rows):
            caption = f"{column.title} of each model; less is closer to the data."
            blocks.append(picture(folder / f"{column.key}.png", bars(rows, column), caption))
    return [*blocks, Paragraph(words)]


def _planes(folder: Path, views: Sequence[ModelView]) -> list[Picture]:
    alike: dict[object, list[ModelView]] = defaultdict(list)
    for view in views:
        alike[view.prior, view.values.tobytes(), view.grid.shape].append(view)
    figures = [
        group[first : first + _PLANES] for group in alike.values() for first in range(0, len(group), _PLANES)
    ]
    pictures = []
    for number, group in enumerate(figures, start=1):
        panels = [
            Traversal(title=view.name, grid=view.grid, x_label="$z[0]$", y_label="$z[1]$") for view in group
        ]
        loc, scale = group[0].prior
        caption = (
            f"{', '.join(view.name for view in group)}: images decoded on a grid of equal steps in the probability of "
            f"the prior N({loc:g}, {scale:g})."
        )
        figure = traversal(panels, values=group[0].values)
        pictures.append(picture(folder / f"grids_{number}.png", figure, caption))
    return pictures


def _codes(
    folder: Path, view: ModelView, *, labels: Integer[np.ndarray, " n"], class_names: Sequence[str]
) -> list[Picture]:
    """Figures of a model's posteriors; with two dimensions the moments show the codes as well."""
    loc, scale = view.prior
    plane = view.codes.shape[1] == 2
    images = f"{len(labels):,} held-out images"
    circles = "circles are one and two standard deviations of the prior"
    pictures = []
    if view.codes.shape[1] >= 2 and (view.stddev is None or not plane):
        figure = embedding([(view.name, view.codes)], labels, class_names=class_names, loc=loc, scale=scale)
        caption = f"{view.name}: posterior means of {images}, coloured by class; {circles}."
        pictures.append(picture(folder / f"codes_{_slug(view.name)}.png", figure, caption))
    if view.stddev is not None:
        figure = moments(view.codes, view.stddev, labels, class_names=class_names, loc=loc, scale=scale)
        caption = (
            f"means and variances of the posteriors of {images}, coloured by class; {circles}, dashes its variance, "
            "large dots the median of each class"
            if plane
            else f"for each class of {images} and each latent dimension, the posterior's variance and the spread of "
            "its means; darker cells carry more information"
        )
        pictures.append(
            picture(folder / f"moments_{_slug(view.name)}.png", figure, f"{view.name}: {caption}.")
        )
    return pictures


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
