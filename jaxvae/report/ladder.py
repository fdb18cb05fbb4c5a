"""The pages of a ladder of latent levels: what its variants make of the same images, and what each level carries.

Images are [n, height, width, channels] in [0, 1]. Levels are counted from 1, the bottom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from jaxvae.report.blocks import Block, Heading, picture
from jaxvae.report.columns import Column
from jaxvae.report.embeddings import embedding
from jaxvae.report.galleries import Traversal, comparison, traversal

_CLASS = "Share of images whose class a Parzen classifier finds from the codes of all others at that level."

_ACTIVE = "Units of the level whose posterior mean has a variance above 0.01 over the images (Burda et al.)."

Images = Float[np.ndarray, "_ _ _ _"]
Plane = Float[np.ndarray, "_ _ _ _ _"]


@dataclass(frozen=True, kw_only=True)
class Levels:
    """What one trained ladder does level by level.

    Attributes:
        values: [k], coordinates of the traversals along both axes.
        fixed: per level [k, k, h, w, c], that level moved and the others held at the code of one image.
        redrawn: the same, the others drawn anew from the prior in each cell.
        codes: per level [n, d], posterior means of validation images.
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
    """Pictures that put variants next to each other, on the same images and the same codes.

    Args:
        folder: where the PNG files go.
        originals: [n, h, w, c], the images to reconstruct.
        reconstructions: by variant, [n, h, w, c].
        samples: by variant, decoded from the same draws of the prior.

    Returns:
        A heading and two pictures.
    """
    names = ", ".join(reconstructions)
    pictures = {
        "reconstructions": comparison([("original", originals), *reconstructions.items()], columns=10),
        "samples": comparison(list(samples.items()), columns=12),
    }
    captions = {
        "reconstructions": f"The first validation images and their reconstructions: {names}.",
        "samples": f"Random samples, {names}: every cell decodes the same draw from the prior.",
    }
    return [Heading("What the loss term changes")] + [
        picture(folder / f"{name}.png", figure, captions[name]) for name, figure in pictures.items()
    ]


def level_blocks(folder: Path, levels: Levels, *, variant: str) -> list[Block]:
    """Pictures of what each level of one variant carries.

    Args:
        folder: where the PNG files go.
        levels: traversals and codes.
        variant: whose they are.

    Returns:
        A heading and up to three pictures; levels of a single dimension have no embedding.
    """
    span = f"[{levels.values[0]:g}, {levels.values[-1]:g}]"
    captions = {
        "traversal_fixed": f"Each level moved over {span}² while the others keep the code of one image ({variant}).",
        "traversal_redrawn": f"Each level moved over {span}² while the others are drawn anew in every cell, as in the "
        f"VLAE paper: what a picture keeps across its cells is what the level carries ({variant}).",
        "embeddings": f"Posterior means of {len(levels.labels):,} validation images, coloured by class ({variant}); "
        "circles are one and two standard deviations of the prior.",
    }
    figures = {
        "traversal_fixed": traversal(_panels(levels.fixed), values=levels.values),
        "traversal_redrawn": traversal(_panels(levels.redrawn), values=levels.values),
    }
    planes = [(f"level {n}", z) for n, z in enumerate(levels.codes, start=1) if z.shape[1] > 1]
    if planes:
        figures["embeddings"] = embedding(planes, levels.labels, class_names=levels.class_names)
    return [Heading("What each level carries")] + [
        picture(folder / f"{name}.png", figure, captions[name]) for name, figure in figures.items()
    ]


def level_columns(levels: int) -> list[Column]:
    """Columns for what is measured of each level's codes.

    Args:
        levels: how many levels there are.

    Returns:
        MMD, its noise floor, KL, class accuracy and active units, by the names that
        `jaxvae.evaluate.latent_evaluator` gives them.
    """
    numbers = range(1, levels + 1)
    return [
        *(Column(key=f"mmd_z{n}", title=f"MMD² z{n}", digits=5, better="lower") for n in numbers),
        Column(
            key="mmd_floor_std",
            title="MMD² floor",
            digits=5,
            note="Standard deviation of the same squared MMD between two sets of prior draws, whose mean is 0: what no "
            "encoder can go below. z1 is the bottom level.",
        ),
        *(Column(key=f"kl_z{n}", title=f"KL z{n}", unit="nats", digits=1) for n in numbers),
        *(Column(key=f"class_z{n}", title=f"Class from z{n}", note="" if n > 1 else _CLASS) for n in numbers),
        *(
            Column(key=f"active_units_z{n}", title=f"Active z{n}", digits=0, note="" if n > 1 else _ACTIVE)
            for n in numbers
        ),
    ]


def _panels(grids: Sequence[Plane]) -> list[Traversal]:
    count = len(grids)
    places = {1: " (bottom)", count: " (top)"} if count > 1 else {}
    return [
        Traversal(title=f"level {n}{places.get(n, '')}", grid=grid, x_label=f"z{n}[0]", y_label=f"z{n}[1]")
        for n, grid in enumerate(grids, start=1)
    ]
