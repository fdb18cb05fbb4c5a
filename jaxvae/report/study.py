"""The pages of a study: many models of one kind, each with a plane of its latent space, pictures, and distances.

Images are [n, height, width, channels] in [0, 1].
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.figure import Figure

from jaxvae.report.bars import bars
from jaxvae.report.blocks import Block, Heading, Paragraph, Picture
from jaxvae.report.columns import Column
from jaxvae.report.embeddings import embedding
from jaxvae.report.galleries import Traversal, comparison, traversal
from jaxvae.report.results import Row
from jaxvae.report.style import save

Images = Float[np.ndarray, "_ _ _ _"]


@dataclass(frozen=True, kw_only=True)
class Case:
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
    """

    name: str
    prior: tuple[float, float]
    values: Float[np.ndarray, " k"]
    grid: Float[np.ndarray, "k k h w c"]
    codes: Float[np.ndarray, "n d"]
    reconstructions: Images
    samples: Images


def case_blocks(
    folder: Path,
    cases: Sequence[Case],
    *,
    originals: Images,
    labels: Integer[np.ndarray, " n"],
    class_names: Sequence[str],
) -> list[Block]:
    """Pictures of every model: samples, reconstructions, and for each the plane of its latent space.

    Args:
        folder: where the PNG files go.
        cases: the models.
        originals: [m, h, w, c], the images that were reconstructed.
        labels: [n], class numbers of the images behind the codes.
        class_names: name of class 0, 1, ...

    Returns:
        Headings and pictures.
    """
    rows = [("original", originals), *((case.name, case.reconstructions) for case in cases)]
    samples = [(case.name, case.samples) for case in cases]
    blocks: list[Block] = [
        Heading("Samples"),
        _picture(
            folder / "samples.png", comparison(samples, columns=16), "Random samples from each model's prior."
        ),
        Heading("Reconstructions"),
        _picture(
            folder / "reconstructions.png",
            comparison(rows, columns=16),
            "The first validation images and the means of their reconstructions.",
        ),
        Heading("Latent spaces"),
    ]
    for case in cases:
        loc, scale = case.prior
        codes = f"{len(labels):,} validation images"
        panel = Traversal(title=case.name, grid=case.grid, x_label="$z[0]$", y_label="$z[1]$")
        blocks += [
            _picture(
                folder / f"grid_{_slug(case.name)}.png",
                traversal([panel], values=case.values),
                f"{case.name}: images decoded on a grid of equal steps in the probability of the prior "
                f"N({loc:g}, {scale:g}).",
            ),
            _picture(
                folder / f"codes_{_slug(case.name)}.png",
                embedding([(case.name, case.codes)], labels, class_names=class_names, loc=loc, scale=scale),
                f"{case.name}: posterior means of {codes}, coloured by class; circles are one and two standard "
                "deviations of the prior.",
            ),
        ]
    return blocks


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
            blocks.append(_picture(folder / f"{column.key}.png", bars(rows, column), caption))
    return [*blocks, Paragraph(words)]


def _picture(path: Path, figure: Figure, caption: str) -> Picture:
    return Picture(path=save(path, figure), caption=caption, alt=caption)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
