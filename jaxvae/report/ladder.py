"""Page sections about ladders of latent levels: the same images by each variant, and what each level encodes.

Images are [n, height, width, channels] in [0, 1]. Levels are counted from 1, the bottom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from jaxvae.images import Images
from jaxvae.report.blocks import Block, Heading, picture
from jaxvae.report.catalogue import columns, family
from jaxvae.report.column import Column
from jaxvae.report.embeddings import embedding
from jaxvae.report.galleries import Traversal, comparison, traversal

Plane = Float[np.ndarray, "_ _ _ _ _"]


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Traversals and codes of one trained ladder, level by level.

    Attributes:
        values: [k], coordinates of the traversals along both axes.
        fixed: per level [k, k, h, w, c], with that level moved and the others fixed at the code of one image.
        redrawn: per level the same, with the others drawn from the prior again in each cell.
        codes: per level [n, d], posterior means of held-out images.
        labels: [n], class numbers of those images.
        class_names: name of class 0, 1, ...
    """

    values: Float[np.ndarray, " k"]
    fixed: Sequence[Plane]
    redrawn: Sequence[Plane]
    codes: Sequence[Float[np.ndarray, "_ _"]]
    labels: Integer[np.ndarray, " n"]
    class_names: Sequence[str]


def variant_blocks(
    folder: Path, *, originals: Images, reconstructions: Mapping[str, Images], samples: Mapping[str, Images]
) -> list[Block]:
    """Pictures of all variants side by side, on the same images and the same codes.

    Args:
        folder: where the PNG files go.
        originals: [n, h, w, c], the images that were reconstructed.
        reconstructions: by variant, [n, h, w, c].
        samples: by variant, decoded from the same draws from the prior.

    Returns:
        A heading and two pictures.
    """
    names = ", ".join(reconstructions)
    pictures = {
        "reconstructions": comparison([("original", originals), *reconstructions.items()], columns=10),
        "samples": comparison(list(samples.items()), columns=12),
    }
    captions = {
        "reconstructions": f"The first held-out images and their reconstructions: {names}.",
        "samples": f"Random samples, {names}: every cell decodes the same draw from the prior.",
    }
    return [Heading("What the loss term changes")] + [
        picture(folder / f"{name}.png", figure, captions[name]) for name, figure in pictures.items()
    ]


def level_blocks(folder: Path, levels: Levels, *, variant: str) -> list[Block]:
    """Pictures of what each level of one variant encodes.

    Args:
        folder: where the PNG files go.
        levels: traversals and codes.
        variant: name of the variant, for the captions.

    Returns:
        A heading and two or three pictures; levels with a single dimension are not in the embedding.
    """
    span = f"[{levels.values[0]:g}, {levels.values[-1]:g}]"
    captions = {
        "traversal_fixed": f"Each level moved over {span}² while the others keep the code of one image ({variant}).",
        "traversal_redrawn": f"Each level moved over {span}² while the others are drawn again in every cell, as in the "
        f"VLAE paper: what changes smoothly from cell to cell is what the level encodes ({variant}).",
        "embeddings": f"Posterior means of {len(levels.labels):,} held-out images, coloured by class ({variant}); "
        "circles are one and two standard deviations of the prior.",
    }
    figures = {
        "traversal_fixed": traversal(_panels(levels.fixed), values=levels.values),
        "traversal_redrawn": traversal(_panels(levels.redrawn), values=levels.values),
    }
    planes = [(f"level {n}", z) for n, z in enumerate(levels.codes, start=1) if z.shape[1] > 1]
    if planes:
        figures["embeddings"] = embedding(planes, levels.labels, class_names=levels.class_names)
    return [Heading("What each level encodes")] + [
        picture(folder / f"{name}.png", figure, captions[name]) for name, figure in figures.items()
    ]


def level_columns(levels: int) -> list[Column]:
    """Columns for what `jaxvae.evaluate.latent_evaluator` measures of each level's codes.

    Args:
        levels: how many levels there are.

    Returns:
        MMD of each level, its floor (one, or one per level if they differ in size), and KL, class accuracy and active
        units of each level.
    """
    numbers = range(1, levels + 1)
    others = [
        column for key in ("kl_z{}", "class_z{}", "active_units_z{}") for column in family(key, numbers)
    ]
    floors = [*columns("mmd_floor_std"), *family("mmd_floor_std_z{}", numbers)]
    return [*family("mmd_z{}", numbers), *floors, *others]


def _panels(grids: Sequence[Plane]) -> list[Traversal]:
    count = len(grids)
    places = {1: " (bottom)", count: " (top)"} if count > 1 else {}
    return [
        Traversal(title=f"level {n}{places.get(n, '')}", grid=grid, x_label=f"z{n}[0]", y_label=f"z{n}[1]")
        for n, grid in enumerate(grids, start=1)
    ]
