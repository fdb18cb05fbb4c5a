"""What the page shows of the dreams: strips, attribute arithmetic, midpoints, and the best candidates."""

from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from experiments.winged_horses.candidates import Candidates
from experiments.winged_horses.dreams_tables import best_table
from experiments.winged_horses.kinds import ARITHMETIC, LINEAR, MIDPOINT, SPHERICAL, STRENGTHS
from experiments.winged_horses.pictures import Pictures
from experiments.winged_horses.ranking import RULE, Ranking
from jaxvae import report

BEST = 32
"""Candidates that are shown as the best."""

COLUMNS = 8
"""Images in a line of those, and of the midpoints."""

SHOWN_MIDPOINTS = 64

LARGE = 400
"""About how many pixels a side of the very best one is drawn with."""


def make_blocks(
    figures: Path,
    pictures: Pictures,
    candidates: Candidates,
    ranking: Ranking,
    *,
    table: report.Table,
    words: str,
) -> list[report.Block]:
    """The section of the page.

    Args:
        figures: folder for the pictures.
        pictures: the labelled training pictures.
        candidates: made of them.
        ranking: of the candidates.
        table: of the kinds of candidates.
        words: what there is to say of the judge.
    """
    first, second = candidates.classes
    rule = RULE.format(first=first, second=second, classes=len(pictures.class_names))
    return [
        report.Heading(f"Between “{first}” and “{second}”"),
        report.Paragraph(
            "Candidates are decoded from codes that lie between the codes of pictures of both classes, or beside those "
            f"of the first. They are ranked by a rule: {rule}"
        ),
        report.Paragraph(words),
        table,
        *_most_alike(figures, pictures, candidates, ranking),
        *_best(figures, candidates, ranking),
        *_strips(figures, pictures, candidates),
        _winged(figures, pictures, candidates),
        _midpoints(figures, candidates),
    ]


def title(classes: tuple[str, str]) -> str:
    """Of the best candidate: a horse and a bird make a Pegasus, other classes do not."""
    return (
        "The most Pegasus-like"
        if classes == ("horse", "bird")
        else f"The most {classes[0]}- and {classes[1]}-like"
    )


def _most_alike(
    figures: Path, pictures: Pictures, candidates: Candidates, ranking: Ranking
) -> list[report.Block]:
    number = ranking.order[0]
    first, second = candidates.classes
    p, q = ranking.probabilities[number]
    caption = (
        f"{_begin(candidates.words[number])}: score {ranking.scores[number]:.3f}, p({first}) {p:.3f}, "
        f"p({second}) {q:.3f}, sharpness {ranking.sharpness[number]:.2f} of the typical."
    )
    sheet = report.image_grid(enlarge(candidates.images[number])[None], columns=1)
    parents = as_floats(pictures.images[candidates.parents[number]])
    line = np.stack([parents[0], candidates.images[number], parents[1]])
    beside = f"It is made from the code of the left picture; the right one is the {second} of the same pair."
    if candidates.kinds[number] != ARITHMETIC:
        beside = "It lies between the codes of the pictures on its left and on its right."
    name = title(candidates.classes)
    captions = [f"{first}, training", name.replace("The", "the", 1), f"{second}, training"]
    return [
        report.Heading(name),
        report.picture(figures / "most_alike.png", sheet, caption),
        report.picture(
            figures / "most_alike_parents.png", report.captioned(line, captions, columns=3), beside
        ),
    ]


def _best(figures: Path, candidates: Candidates, ranking: Ranking) -> list[report.Block]:
    best = ranking.order[:BEST]
    scores = [f"{ranking.scores[number]:.3f}" for number in best]
    caption = f"The {len(best)} best of {len(candidates.images):,} candidates with their scores, best first"
    figure = report.captioned(candidates.images[best], scores, columns=COLUMNS)
    return [
        report.Heading("The best candidates"),
        report.picture(figures / "best.png", figure, f"{caption}."),
        best_table(candidates, ranking, best, caption=caption),
    ]


def _strips(figures: Path, pictures: Pictures, candidates: Candidates) -> list[report.Block]:
    originals = as_floats(pictures.images[candidates.pairs])
    groups = []
    for pair, (start, end) in enumerate(originals):
        lines = [
            np.concatenate([start[None], candidates.strips[kind][pair], end[None]])
            for kind in (LINEAR, SPHERICAL)
        ]
        groups.append((f"pair {pair + 1}", np.concatenate(lines)))
    width = len(groups[0][1]) // 2
    caption = (
        "Each pair of lines goes from a training picture (left) to another (right) through the reconstructions of both "
        "and what lies between them: above on the straight line between their codes, below on the great circle."
    )
    return [
        report.Heading("Interpolation"),
        report.picture(figures / "strips.png", report.comparison(groups, columns=width), caption),
    ]


def _winged(figures: Path, pictures: Pictures, candidates: Candidates) -> report.Block:
    first, second = candidates.classes
    start = candidates.pairs[:, 0]
    groups = [
        ("training pictures", as_floats(pictures.images[start])),
        ("reconstructions", candidates.strips[LINEAR][:, 0]),
    ]
    groups += [
        (f"+ {strength:g} x what sets “{second}” apart", of)
        for strength, of in zip(STRENGTHS, candidates.winged, strict=True)
    ]
    caption = (
        f"Attribute arithmetic: pictures of “{first}”, their reconstructions, and what becomes of these when a "
        f"multiple of what sets “{second}” apart is added to the code: the mean code of “{second}” minus that of all "
        "other labelled pictures."
    )
    return report.picture(figures / "arithmetic.png", report.comparison(groups), caption)


def _midpoints(figures: Path, candidates: Candidates) -> report.Block:
    numbers = [number for number, kind in enumerate(candidates.kinds) if kind == MIDPOINT][:SHOWN_MIDPOINTS]
    caption = (
        f"Midpoints: {len(numbers)} draws about the middle between the codes of two random pictures, one of each "
        "class."
    )
    figure = report.comparison([("midpoints with noise", candidates.images[numbers])], columns=2 * COLUMNS)
    return report.picture(figures / "midpoints.png", figure, caption)


def enlarge(image: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "_ _ c"]:
    """A smooth image of about `LARGE` pixels a side, by Lanczos's kernel."""
    h, w, channels = image.shape
    times = max(1, round(LARGE / max(h, w)))
    return np.asarray(jax.image.resize(image, (times * h, times * w, channels), "lanczos3")).clip(0, 1)


def _begin(words: str) -> str:
    """The words with a capital letter at the beginning."""
    return words[:1].upper() + words[1:]
