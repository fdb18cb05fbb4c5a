"""Which candidate is most like a winged horse, by a rule that is written down."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jaxvae
from experiments.winged_horses.candidates import Candidates
from experiments.winged_horses.pictures import Pictures
from jaxvae import evaluate, report, study

RULE = (
    "score = min(p({first}), p({second})) x min(1, sharpness / typical sharpness), where p is how probable a class is "
    "by the judge: a residual network that was trained to tell the {classes} classes of the labelled training pictures "
    "apart, and not on anything that the autoencoder made. Sharpness is the variance of the Laplacian; typical is the "
    "median of the reconstructions of pictures of both classes. The highest score comes first, and of equal ones the "
    "earlier candidate."
)
"""The rule; the page fills in names."""

SHARPNESS_IMAGES = 200
"""Pictures of each class, at most, whose reconstructions' sharpness is typical."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """What the rule says of candidates, in the candidates' order.

    Attributes:
        scores: [n], 0 to 1/2.
        probabilities: [n, 2], of the first and the second class.
        sharpness: [n], over the typical one.
    """

    scores: Float[np.ndarray, " n"]
    probabilities: Float[np.ndarray, "n 2"]
    sharpness: Float[np.ndarray, " n"]

    @property
    def order(self) -> Int[np.ndarray, " n"]:
        """Numbers of the candidates, best first."""
        return np.argsort(-self.scores, kind="stable")


def rank(
    run: jaxvae.Run,
    images: Float[np.ndarray, "n h w c"],
    judge: study.Judge,
    pictures: Pictures,
    *,
    classes: tuple[str, str],
) -> Ranking:
    """Ranks candidates by `RULE`.

    Args:
        run: the model that made them.
        images: the candidates, in [0, 1].
        judge: of the pictures' classes.
        pictures: the training pictures.
        classes: names of two of their classes.
    """
    probabilities = judge.probabilities(images)[:, pictures.numbers(classes)]
    rows = np.concatenate([pictures.rows(name)[:SHARPNESS_IMAGES] for name in classes])
    typical = np.median(_sharpness(run.decode((pictures.codes[rows],))))
    relative = _sharpness(images) / max(typical, np.finfo(np.float64).tiny)
    return Ranking(
        scores=probabilities.min(axis=1) * np.minimum(1, relative),
        probabilities=probabilities,
        sharpness=relative,
    )


def trust(
    run: jaxvae.Run, judge: study.Judge, validation: Pictures, *, classes: tuple[str, str]
) -> dict[str, float]:
    """How often the judge is right, which is how far the ranking can be trusted.

    Args:
        run: the model.
        judge: of the pictures' classes.
        validation: at least one labelled picture that was not trained on.
        classes: names of the two that candidates lie between.

    Returns:
        Accuracies, as means over the classes that have pictures: `accuracy` of the pictures, `reconstructed_accuracy`
        of their reconstructions, which are as blurred as candidates are, and `pair_accuracy` between the two classes,
        if both have pictures. `chance` is what guessing gives for the first two.
    """
    shares = judge.probabilities(validation.images)
    reconstructed = judge.probabilities(np.asarray(run.decode((validation.codes,))))
    accuracies = {
        "accuracy": _accuracy(shares, validation.labels),
        "reconstructed_accuracy": _accuracy(reconstructed, validation.labels),
        "chance": 1 / len(validation.class_names),
    }
    numbers = validation.numbers(classes)
    if set(numbers) <= set(validation.labels):
        rows = np.flatnonzero(np.isin(validation.labels, numbers))
        second = (validation.labels[rows] == numbers[1]).astype(np.int64)
        accuracies["pair_accuracy"] = _accuracy(shares[rows][:, numbers], second)
    return accuracies


def columns(classes: tuple[str, str]) -> list[report.Column]:
    """What the rule says of a candidate."""
    return report.columns("score", *report.family("p_{}", classes), "relative_sharpness")


def kinds_table(candidates: Candidates, ranking: Ranking) -> report.Table:
    """The best of each way to make candidates, and how good they are on the whole."""
    rows = []
    for kind in dict.fromkeys(candidates.kinds):
        numbers = [number for number in ranking.order if candidates.kinds[number] == kind]
        whole = {"candidates": len(numbers), "mean_score": float(np.mean(ranking.scores[numbers]))}
        metrics = whole | _numbers(candidates, ranking, numbers[0])
        rows.append(
            report.Row(
                name=kind, metrics=report.summarize([metrics]), note=f"best: {candidates.words[numbers[0]]}."
            )
        )
    return report.Table(
        rows=rows,
        columns=[*report.columns("candidates", "mean_score"), *columns(candidates.classes)],
        caption="Candidates by how they were made: their number, the mean of their scores, and the best one",
    )


def best_table(
    candidates: Candidates, ranking: Ranking, numbers: Sequence[int] | np.ndarray, *, caption: str
) -> report.Table:
    """A row for each of some candidates, in their order."""
    rows = [
        report.Row(
            name=f"{place}. {candidates.words[number]}",
            metrics=report.summarize([_numbers(candidates, ranking, number)]),
        )
        for place, number in enumerate(numbers, start=1)
    ]
    return report.Table(rows=rows, columns=columns(candidates.classes), caption=caption)


def _numbers(candidates: Candidates, ranking: Ranking, number: int) -> dict[str, float]:
    names = [f"p_{name}" for name in candidates.classes]
    return {
        "score": float(ranking.scores[number]),
        **dict(zip(names, map(float, ranking.probabilities[number]), strict=True)),
        "relative_sharpness": float(ranking.sharpness[number]),
    }


def _accuracy(probabilities: Float[np.ndarray, "n k"], labels: Int[np.ndarray, " n"]) -> float:
    """Share of the most probable classes that are right, as a mean over classes."""
    right = probabilities.argmax(axis=1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def _sharpness(images: Float[Array | np.ndarray, "n h w c"]) -> Float[np.ndarray, " n"]:
    return np.asarray(evaluate.sharpness(jnp.asarray(images)), np.float64)
