"""Trainings that fail: they are named, and the others go on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

import jaxvae
from jaxvae import report, study, train

Measure = Callable[[jaxvae.Run], Mapping[str, float]]
"""Values by name of a trained model."""

DISTINCTNESS_SHARE = 0.2
"""The least distinctness over the least diversity: blurred samples are distinct, repeated ones have next to none."""


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
        return Outcome(failure=f"Diverged, and all seeds of the row stopped: {error}")


def logged(experiment: study.Experiment, rows: Mapping[str, Any]) -> list[str]:
    """The trainings that have curves to show, whatever became of them.

    Args:
        experiment: the run.
        rows: each with a `program`, the name of its training's directory.

    Returns:
        Those names.
    """
    programs = [row.program for row in rows.values()]
    return [program for program in programs if experiment.workdir.part(program).metrics.exists()]


def without_collapsed(name: str, outcome: Outcome, measure: Measure, *, least: float) -> Outcome:
    """Takes out the seeds whose samples are too much alike, and says so.

    They are if all are alike (diversity), or if there are only a few of them, over and over (distinctness).

    Args:
        name: of the row.
        outcome: of its training.
        measure: gives "diversity" and "distinctness" among others, as shares of the data's.
        least: diversity below which a model has collapsed; `DISTINCTNESS_SHARE` of it is the least distinctness.

    Returns:
        The seeds that stand.
    """
    bounds = {"diversity": least, "distinctness": DISTINCTNESS_SHARE * least}
    told = {}
    for run in outcome.runs:
        values = measure(run)
        short = [f"{key} {values[key]:.2f}" for key, bound in bounds.items() if not values[key] >= bound]
        if short:
            told[run.seed] = f"seed {run.seed} ({', '.join(short)})"
    if not told:
        return outcome
    needed = " and ".join(f"{key} {bound:g}" for key, bound in bounds.items())
    failure = f"Collapsed, and not counted: {', '.join(told.values())}; needed are {needed} of the data's."
    tqdm.write(f"{name}: {failure}")
    return Outcome(runs=[run for run in outcome.runs if run.seed not in told], failure=failure)


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
