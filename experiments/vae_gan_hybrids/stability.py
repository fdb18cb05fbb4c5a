"""Trainings that fail: they are named, and the others go on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tqdm import tqdm

import jaxvae
from jaxvae import report, train


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of all seeds of a row.

    Attributes:
        runs: the trained models; none if the training diverged.
        failure: why there are none, in a sentence; empty if there are.
    """

    runs: Sequence[jaxvae.Run] = field(default=())
    failure: str = ""


def attempt(name: str, training: Callable[[], Sequence[jaxvae.Run]]) -> Outcome:
    """Trains the seeds of a row; says so if a loss stops being finite.

    Args:
        name: of the row.
        training: returns the trained models.

    Returns:
        The models, or why there are none.
    """
    try:
        return Outcome(runs=training())
    except train.NonFiniteError as error:
        tqdm.write(f"{name} diverged: {error}")
        return Outcome(failure=f"Diverged: {error}")


def make_row(
    name: str,
    note: str,
    outcome: Outcome,
    measure: Callable[[jaxvae.Run], Mapping[str, float]],
    *,
    least_diversity: float | None = None,
) -> report.Row:
    """A row of the tables, over those seeds that did not fail.

    Args:
        name: of the row.
        note: what a reader has to know.
        outcome: of its training.
        measure: gives values by name, "diversity" among them if there is a least one.
        least_diversity: of samples, relative to the data's; a seed below has collapsed, and is named and not counted.

    Returns:
        The row; without values if no seed is left.
    """
    if outcome.failure:
        return report.Row(name=name, metrics={}, note=f"{note} {outcome.failure}".strip())
    values = [(run.seed, dict(measure(run))) for run in outcome.runs]
    fallen = [
        seed
        for seed, each in values
        if least_diversity is not None and not each["diversity"] >= least_diversity
    ]
    if fallen:
        told = ", ".join(map(str, fallen))
        note = f"{note} Collapsed, and not counted: seed {told} of {len(values)}, whose samples are too much alike."
    kept = [each for seed, each in values if seed not in fallen]
    return report.Row(name=name, metrics=report.summarize(kept) if kept else {}, note=note.strip())
