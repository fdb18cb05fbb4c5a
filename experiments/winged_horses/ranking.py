"""Which candidate is most like a winged horse, by a rule that is written down."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jaxvae
from experiments.winged_horses.candidates import Candidates
from experiments.winged_horses.pictures import Pictures
from jaxvae import evaluate, report

RULE = (
    "score = min(p({first}), p({second})) x min(1, sharpness / typical sharpness). The picture is encoded again, and p "
    "is how probable a class is, given its posterior mean, by the nearest class mean: each of the {classes} classes is "
    "a Gaussian about the mean code of its training pictures, all with one diagonal covariance and equally frequent. "
    "Sharpness is the variance of the Laplacian; the typical one is the median of the reconstructions of pictures of "
    "both classes. The highest score comes first, and of equal ones the earlier candidate."
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


def fit_classifier(pictures: Pictures) -> evaluate.ClassMeans:
    """The nearest class mean of all classes.

    Args:
        pictures: all labelled training pictures.
    """
    return evaluate.fit_class_means(pictures.codes, pictures.labels, classes=len(pictures.class_names))


def rank(
    run: jaxvae.Run,
    images: Float[np.ndarray, "n h w c"],
    classifier: evaluate.ClassMeans,
    pictures: Pictures,
    *,
    classes: tuple[str, str],
) -> Ranking:
    """Ranks candidates by `RULE`.

    Args:
        run: the model that made them.
        images: the candidates, in [0, 1].
        classifier: of the model's codes.
        pictures: the training pictures that it was fitted to.
        classes: names of two of their classes.
    """
    numbers = [pictures.class_names.index(name) for name in classes]
    probabilities = classifier.probabilities(run.encode(images)[0].mean)[:, numbers]
    rows = np.concatenate([pictures.rows(name)[:SHARPNESS_IMAGES] for name in classes])
    typical = np.median(_sharpness(run.decode((pictures.codes[rows],))))
    relative = _sharpness(images) / max(typical, np.finfo(np.float64).tiny)
    return Ranking(
        scores=probabilities.min(axis=1) * np.minimum(1, relative),
        probabilities=probabilities,
        sharpness=relative,
    )


def trust(
    run: jaxvae.Run, classifier: evaluate.ClassMeans, validation: Pictures, *, classes: tuple[str, str]
) -> dict[str, float]:
    """How often the classifier is right, which is how far the ranking can be trusted.

    Args:
        run: the model.
        classifier: of its codes.
        validation: at least one labelled picture that was not trained on; its classes are the classifier's.
        classes: names of the two that candidates lie between.

    Returns:
        Accuracies, as means over the classes that have pictures, since the classifier takes all classes for equally
        frequent: `accuracy` of the pictures, `reconstructed_accuracy` of their reconstructions, which are as blurred as
        candidates are, and `pair_accuracy` between the two classes, if both have pictures. `chance` is what guessing
        gives for the first two.
    """
    reencoded = run.encode(run.decode((validation.codes,)))[0].mean
    accuracies = {
        "accuracy": _accuracy(classifier.probabilities(validation.codes), validation.labels),
        "reconstructed_accuracy": _accuracy(classifier.probabilities(reencoded), validation.labels),
        "chance": 1 / len(validation.class_names),
    }
    numbers = np.array([validation.class_names.index(name) for name in classes])
    if set(numbers) <= set(validation.labels):
        rows = np.flatnonzero(np.isin(validation.labels, numbers))
        shares = classifier.probabilities(validation.codes[rows])[:, numbers]
        accuracies["pair_accuracy"] = _accuracy(
            shares, (validation.labels[rows] == numbers[1]).astype(np.int64)
        )
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
