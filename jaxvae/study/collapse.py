"""Trained models whose samples are all alike: they are named, and not counted."""

from collections.abc import Mapping
from dataclasses import replace

from jaxvae.screen import Bar, say
from jaxvae.study.publishing import Measure
from jaxvae.study.trained import Trained

DISTINCTNESS_SHARE = 0.2
"""The least distinctness over the least diversity: blurred samples are distinct, repeated ones have next to none."""


def without_collapsed(
    trained: Mapping[str, Trained], measure: Measure, *, least: float
) -> dict[str, Trained]:
    """Takes out the seeds whose samples are too much alike, and says so.

    They are if all are alike (diversity), or if there are only a few of them, over and over (distinctness).

    Args:
        trained: by variant.
        measure: gives "diversity" and "distinctness" among others, as shares of the data's.
        least: diversity below which a model has collapsed; `DISTINCTNESS_SHARE` of it is the least distinctness.

    Returns:
        The same with the seeds that stand.
    """
    return {
        name: _without_collapsed(name, each, measure, least=least)
        for name, each in Bar(trained.items(), desc="measuring", unit="variant")
    }


def _without_collapsed(name: str, trained: Trained, measure: Measure, *, least: float) -> Trained:
    bounds = {"diversity": least, "distinctness": DISTINCTNESS_SHARE * least}
    collapsed = {}
    for run in trained.runs:
        values = measure(run)
        short = [f"{key} {values[key]:.2f}" for key, bound in bounds.items() if not values[key] >= bound]
        if short:
            collapsed[run.seed] = f"seed {run.seed} ({', '.join(short)})"
    if not collapsed:
        return trained
    needed = " and ".join(f"{key} {bound:g}" for key, bound in bounds.items())
    failure = (
        f"Collapsed, and not counted: {', '.join(collapsed.values())}; needed are {needed} of the data's."
    )
    say(f"{name}: {failure}")
    runs = [run for run in trained.runs if run.seed not in collapsed]
    return replace(trained, runs=runs, failure=f"{trained.failure} {failure}".strip())
