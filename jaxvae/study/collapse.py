"""Trained models whose samples are all alike: they are named, and not counted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from jaxvae import evaluate
from jaxvae.images import Images, as_floats
from jaxvae.screen import Bar, say
from jaxvae.study.publishing import Measure
from jaxvae.study.trained import Trained

DISTINCTNESS_SHARE = 0.2
"""The least distinctness over the least diversity: blurred samples are distinct, repeated ones have next to none."""

MOST_COMPARED = 1000
"""Images whose pairs say how much they differ."""


class Diversity:
    """How much a model's images differ from each other, in shares of what as many real images do.

    Args:
        real: uint8, or float in [0, 1], at least two.
        features: what is compared for diversity, such as the last hidden layer of a classifier: images in [0, 1] to
            [n, d].

    Attributes:
        diversity: mean distance between two real images, in the units of the features.
    """

    def __init__(self, real: Images, features: Callable[[Any], Any]) -> None:
        self._features, self._most = features, min(len(real), MOST_COMPARED)
        self.diversity, self._distinctness = self._measure(real)

    def __call__(self, images: Images) -> dict[str, float]:
        """Compares the first images, as many as there are real ones or `MOST_COMPARED`.

        Args:
            images: uint8, or float in [0, 1], at least as many as are compared.

        Returns:
            diversity and distinctness, 1 for the data's, and where the data have none.
        """
        diversity, distinctness = self._measure(images)
        return {
            "diversity": diversity / self.diversity if self.diversity else 1.0,
            "distinctness": distinctness / self._distinctness if self._distinctness else 1.0,
        }

    def _measure(self, images: Images) -> tuple[float, float]:
        some = as_floats(images[: self._most])
        diverse = evaluate.diversity(jnp.asarray(self._features(some)))
        return float(diverse), float(evaluate.distinctness(jnp.asarray(some)))


def without_collapsed(
    trained: Mapping[str, Trained], measure: Measure, *, least: float
) -> dict[str, Trained]:
    """Takes out the seeds whose samples are too much alike, and says so.

    They are if all are alike (diversity), or if there are only a few of them, over and over (distinctness).

    Args:
        trained: by variant.
        measure: gives "diversity" among others, and "distinctness" where copies are to be found, as shares of the
            data's. Of a code of two dimensions many draws have neighbours so close that they look like copies.
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
        bounds = {key: bound for key, bound in bounds.items() if key in {"diversity", *values}}
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
