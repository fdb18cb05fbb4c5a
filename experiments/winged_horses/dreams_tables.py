"""Tables of candidates for winged horses."""

from collections.abc import Sequence

import numpy as np

from experiments.winged_horses.candidates import Candidates
from experiments.winged_horses.ranking import Ranking
from jaxvae import report

COUNT = report.Column(key="candidates", title="Candidates", digits=0)

MEAN = report.Column(key="mean_score", title="Mean score", digits=4, better="higher")

SHARPNESS = report.Column(
    key="sharpness",
    title="Sharpness",
    unit="typical = 1",
    digits=2,
    note="Variance of the Laplacian over the median of the reconstructions of both classes.",
)


def columns(classes: tuple[str, str]) -> list[report.Column]:
    """What the rule says of a candidate."""
    score = report.Column(
        key="score", title="Score", better="higher", note="By the rule of the ranking; at most 0.5."
    )
    return [score, *(report.Column(key=f"p_{name}", title=f"p({name})") for name in classes), SHARPNESS]


def kinds_table(candidates: Candidates, ranking: Ranking) -> report.Table:
    """The best of each way to make candidates, and how good they are on the whole."""
    rows = []
    for kind in dict.fromkeys(candidates.kinds):
        numbers = [number for number in ranking.order if candidates.kinds[number] == kind]
        whole = {"candidates": len(numbers), "mean_score": float(np.mean(ranking.scores[numbers]))}
        metrics = whole | _judgement(candidates, ranking, numbers[0])
        rows.append(
            report.Row(
                name=kind, metrics=report.summarize([metrics]), note=f"best: {candidates.words[numbers[0]]}."
            )
        )
    return report.Table(
        rows=rows,
        columns=[COUNT, MEAN, *columns(candidates.classes)],
        caption="Candidates by how they were made: their number, the mean of their scores, and the best one",
    )


def best_table(
    candidates: Candidates, ranking: Ranking, numbers: Sequence[int] | np.ndarray, *, caption: str
) -> report.Table:
    """A row for each of some candidates, in their order."""
    rows = [
        report.Row(
            name=f"{place}. {candidates.words[number]}",
            metrics=report.summarize([_judgement(candidates, ranking, number)]),
        )
        for place, number in enumerate(numbers, start=1)
    ]
    return report.Table(rows=rows, columns=columns(candidates.classes), caption=caption)


def _judgement(candidates: Candidates, ranking: Ranking, number: int) -> dict[str, float]:
    names = [f"p_{name}" for name in candidates.classes]
    return {
        "score": float(ranking.scores[number]),
        **dict(zip(names, map(float, ranking.probabilities[number]), strict=True)),
        "sharpness": float(ranking.sharpness[number]),
    }
