"""The dreams: candidates for winged horses of a trained model, ranked by a rule, with the best shown large."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jaxtyping import Float

import jaxvae
from experiments.winged_horses import wings
from experiments.winged_horses.candidates import (
    ARITHMETIC,
    LINEAR,
    MIDPOINT,
    SPHERICAL,
    STRENGTHS,
    Candidates,
    make_candidates,
)
from experiments.winged_horses.config import Config
from experiments.winged_horses.pictures import (
    Pictures,
    classes_with_pictures,
    encode_labelled,
    find_pair,
    labelled,
)
from experiments.winged_horses.ranking import (
    RULE,
    Ranking,
    best_table,
    kinds_table,
    rank,
    trust,
)
from jaxvae import report, study
from jaxvae.images import as_floats

BEST = 32
"""Candidates that are shown as the best."""

COLUMNS = 8
"""Images in a line of those, and of the midpoints."""

SHOWN_MIDPOINTS = 64

LARGE = 400
"""About how many pixels a side of the very best one is drawn with."""

NONE = (
    "There are no dreams: they lie between two classes of labelled pictures, and the data has fewer than two."
)


def train_judge(experiment: study.Experiment, config: Config) -> study.Judge | None:
    """Trains the judge of candidates, on all labelled training pictures.

    Args:
        experiment: the run.
        config: its flags.

    Returns:
        The judge, of the classes that have training pictures; None if there are fewer than two.
    """
    names = classes_with_pictures(experiment.train_set)
    images = labelled(experiment.train_set, names)
    if images is None or len(names) < 2:
        return None
    return study.train_judge(
        experiment,
        images,
        labelled(experiment.test_set, names),
        widths=config.judge_widths,
        epochs=config.judge_epochs,
    )


def run(
    experiment: study.Experiment,
    config: Config,
    runs: Sequence[jaxvae.Run],
    judge: study.Judge | None,
) -> study.Section:
    """Makes candidates with a trained model and ranks them.

    Args:
        experiment: the run.
        config: its flags.
        runs: the trained model of each seed, of which the first dreams.
        judge: as `train_judge` gives it.

    Returns:
        A row for each way to make candidates, what adding directions does to held-out pictures, over seeds, and the
        pictures; a sentence alone if there are no two classes.

    Raises:
        ValueError: the flags name a class that there is not.
    """
    dataset, test_set = experiment.train_set, experiment.test_set
    classes = find_pair(dataset, config.pair)
    if classes is None or judge is None:
        return study.Section(tables=[], blocks=[report.Heading("Dreams"), report.Paragraph(NONE)], words=NONE)
    model_run, names = runs[0], classes_with_pictures(dataset)
    pictures = encode_labelled(model_run, dataset, names)
    candidates = make_candidates(
        model_run,
        pictures,
        classes=classes,
        pairs=config.pairs,
        steps=config.interpolation_steps,
        midpoints=config.midpoints,
        seed=config.seed,
    )
    ranking = rank(model_run, candidates.images, judge, pictures, classes=classes)
    accuracies: dict[str, float] = {}
    if set(names) & set(classes_with_pictures(test_set)):
        validation = encode_labelled(model_run, test_set, names)
        accuracies = trust(model_run, judge, validation, classes=classes)
    table = kinds_table(candidates, ranking)
    added = []
    if classes[0] in classes_with_pictures(test_set):
        added = [_added(run, judge, experiment, classes) for run in runs]
    wings_tables = [wings.table(added, classes)] if added else []
    best = int(ranking.order[0])
    score = float(ranking.scores[best])
    best_words = (
        f"{title(classes)} of {len(candidates.images):,}: {candidates.words[best]}, score {score:.3f}."
    )
    summary: dict[str, float | int | str] = {"dream": candidates.words[best], "dream_score": score}
    return study.Section(
        tables=[table, *wings_tables],
        blocks=make_blocks(
            experiment,
            pictures,
            candidates,
            ranking,
            table=table,
            wings_tables=wings_tables,
            words=describe(accuracies, classes),
        ),
        summary=summary | {f"dream_judge_{name}": value for name, value in accuracies.items()},
        words=f"{best_words} {describe(accuracies, classes)}",
    )


def _added(
    run: jaxvae.Run, judge: study.Judge, experiment: study.Experiment, classes: tuple[str, str]
) -> dict[str, dict[str, float]]:
    """What adding directions to the codes of held-out pictures does in one model."""
    names = classes_with_pictures(experiment.train_set)
    training, validation = (
        encode_labelled(run, of, names) for of in (experiment.train_set, experiment.test_set)
    )
    return wings.measure(run, judge, training, validation, classes)


def describe(accuracies: Mapping[str, float], classes: tuple[str, str]) -> str:
    """How far the ranking's judge can be trusted."""
    if not accuracies:
        return "No held-out picture has a label, so it is not known how often the judge is right."
    words = (
        f"The judge gives the right class for {accuracies['accuracy']:.1%} of the held-out pictures and "
        f"for {accuracies['reconstructed_accuracy']:.1%} of their reconstructions, on the mean over classes, where "
        f"chance is {accuracies['chance']:.1%}"
    )
    if "pair_accuracy" in accuracies:
        words += (
            f"; between “{classes[0]}” and “{classes[1]}” it is {accuracies['pair_accuracy']:.1%} beside 50%"
        )
    return f"{words}."


def make_blocks(
    experiment: study.Experiment,
    pictures: Pictures,
    candidates: Candidates,
    ranking: Ranking,
    *,
    table: report.Table,
    wings_tables: Sequence[report.Table],
    words: str,
) -> list[report.Block]:
    """The section of the page.

    Args:
        experiment: the run.
        pictures: the labelled training pictures.
        candidates: made of them.
        ranking: of the candidates.
        table: of the kinds of candidates.
        wings_tables: what adding directions does, if it was measured.
        words: how far the ranking can be trusted.
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
        *_most_alike(experiment, pictures, candidates, ranking),
        *_best(experiment, candidates, ranking),
        *_strips(experiment, pictures, candidates),
        _winged(experiment, pictures, candidates),
        *wings_tables,
        _midpoints(experiment, candidates),
    ]


def title(classes: tuple[str, str]) -> str:
    """Of the best candidate: a horse and a bird make a Pegasus, other classes do not."""
    return (
        "The most Pegasus-like"
        if classes == ("horse", "bird")
        else f"The most {classes[0]}- and {classes[1]}-like"
    )


def _most_alike(
    experiment: study.Experiment, pictures: Pictures, candidates: Candidates, ranking: Ranking
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
        experiment.picture("most_alike", sheet, caption),
        experiment.picture("most_alike_parents", report.captioned(line, captions, columns=3), beside),
    ]


def _best(experiment: study.Experiment, candidates: Candidates, ranking: Ranking) -> list[report.Block]:
    best = ranking.order[:BEST]
    scores = [f"{ranking.scores[number]:.3f}" for number in best]
    caption = f"The {len(best)} best of {len(candidates.images):,} candidates with their scores, best first"
    figure = report.captioned(candidates.images[best], scores, columns=COLUMNS)
    return [
        report.Heading("The best candidates"),
        experiment.picture("best", figure, f"{caption}."),
        best_table(candidates, ranking, best, caption=caption),
    ]


def _strips(experiment: study.Experiment, pictures: Pictures, candidates: Candidates) -> list[report.Block]:
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
        experiment.picture("strips", report.comparison(groups, columns=width), caption),
    ]


def _winged(experiment: study.Experiment, pictures: Pictures, candidates: Candidates) -> report.Block:
    first, second = candidates.classes
    start = candidates.pairs[:, 0]
    groups = [
        ("training pictures", as_floats(pictures.images[start])),
        ("reconstructions", candidates.strips[LINEAR][:, 0]),
    ]
    groups += [
        (f"+ {strength:g} x what distinguishes “{second}”", of)
        for strength, of in zip(STRENGTHS, candidates.winged, strict=True)
    ]
    caption = (
        f"Attribute arithmetic: pictures of “{first}”, their reconstructions, and what becomes of these when a "
        f"multiple of what distinguishes “{second}” is added to the code: the mean code of “{second}” minus that of "
        "all other labelled pictures."
    )
    return experiment.picture("arithmetic", report.comparison(groups), caption)


def _midpoints(experiment: study.Experiment, candidates: Candidates) -> report.Block:
    numbers = [number for number, kind in enumerate(candidates.kinds) if kind == MIDPOINT][:SHOWN_MIDPOINTS]
    caption = (
        f"Midpoints: {len(numbers)} draws about the middle between the codes of two random pictures, one of each "
        "class."
    )
    figure = report.comparison([("midpoints with noise", candidates.images[numbers])], columns=2 * COLUMNS)
    return experiment.picture("midpoints", figure, caption)


def enlarge(image: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "_ _ c"]:
    """A smooth image of about `LARGE` pixels a side, by Lanczos's kernel."""
    h, w, channels = image.shape
    times = max(1, round(LARGE / max(h, w)))
    return np.asarray(jax.image.resize(image, (times * h, times * w, channels), "lanczos3")).clip(0, 1)


def _begin(words: str) -> str:
    """The words with a capital letter at the beginning."""
    return words[:1].upper() + words[1:]
