"""Trainings that fail: they are named, and the others go on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tqdm import tqdm

import jaxvae
from jaxvae import report, train

Measure = Callable[[jaxvae.Run], Mapping[str, float]]
"""Values by name of a trained model."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of all seeds of a row.

    Attributes:
        runs: the trained models of those seeds that did not fail.
        failure: what became of the others, in a sentence; empty if there are none.
    """

    runs: Sequence[jaxvae.Run] = field(default=())
    failure: str = ""


def attempt(name: str, training: Callable[[], Sequence[jaxvae.Run]]) -> Outcome:
    """Trains the seeds of a row; says so if a loss stops being finite, and goes on.

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


def without_collapsed(name: str, outcome: Outcome, measure: Measure, *, least: float) -> Outcome:
    """Takes out the seeds whose samples are too much alike, and says so.

    Args:
        name: of the row.
        outcome: of its training.
        measure: gives "diversity" among others.
        least: diversity below which a model has collapsed.

    Returns:
        The seeds that stand.
    """
    found = {run.seed: measure(run)["diversity"] for run in outcome.runs}
    fallen = [seed for seed, diversity in found.items() if not diversity >= least]
    if not fallen:
        return outcome
    told = ", ".join(f"seed {seed} ({found[seed]:.2f})" for seed in fallen)
    failure = f"Collapsed, and not counted: {told}; samples of less than {least:g} of the data's diversity."
    tqdm.write(f"{name}: {failure}")
    return Outcome(runs=[run for run in outcome.runs if run.seed not in fallen], failure=failure)


def make_row(name: str, note: str, outcome: Outcome, measure: Measure) -> report.Row:
    """A row of the tables, over those seeds that stand.

    Args:
        name: of the row.
        note: what a reader has to know.
        outcome: of its training.
        measure: gives values by name.

    Returns:
        The row; without values if no seed stands.
    """
    values = [dict(measure(run)) for run in outcome.runs]
    note = f"{note} {outcome.failure}".strip()
    return report.Row(name=name, metrics=report.summarize(values) if values else {}, note=note)
