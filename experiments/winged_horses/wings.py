"""Wings as a variable: what becomes of horses when a direction of the codes is added, as the judge sees it."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

import jaxvae
from experiments.winged_horses.pictures import Pictures
from jaxvae import report, study

STRENGTHS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Times that a direction is added, each as long as the difference between the mean codes of both classes."""

CHANGED = 1000
"""Pictures of the first class, at most, that are changed."""

Direction = Float[np.ndarray, " d"]


def directions(pictures: Pictures, classes: tuple[str, str], *, seed: int) -> dict[str, Direction]:
    """Directions that may lead from the first class to the second.

    Args:
        pictures: the labelled training pictures.
        classes: names of two of their classes.
        seed: decides the random one.

    Returns:
        By name, all of the length of the first: from one mean code to the other; from the mean code of all other
        classes to the second's; the normal of the plane that best separates both classes (Fisher's); a random one.
    """
    first, second = (pictures.codes[pictures.rows(name)].astype(np.float64) for name in classes)
    others = np.delete(pictures.codes, pictures.rows(classes[1]), axis=0)
    apart = second.mean(axis=0) - first.mean(axis=0)
    within = np.cov(np.concatenate([first - first.mean(axis=0), second - second.mean(axis=0)]).T)
    ridge = 1e-6 * np.trace(within) / len(within) * np.eye(len(within))
    found = {
        f"{classes[1]} - {classes[0]}": apart,
        f"{classes[1]} - all others": second.mean(axis=0) - others.mean(axis=0),
        "linear classifier": np.linalg.solve(within + ridge, apart),
        "random": np.random.default_rng(seed).normal(size=len(apart)),
    }
    length = np.linalg.norm(apart)
    return {name: of * (length / max(float(np.linalg.norm(of)), 1e-12)) for name, of in found.items()}


def measure(
    run: jaxvae.Run, judge: study.Judge, training: Pictures, validation: Pictures, classes: tuple[str, str]
) -> dict[str, dict[str, float]]:
    """Adds directions to the codes of the first class's held-out pictures.

    Args:
        run: the model.
        judge: of the pictures' classes.
        training: the labelled training pictures, which the directions are from.
        validation: pictures that were not trained on.
        classes: names of two classes.

    Returns:
        For each direction and strength, in words: the mean probability of both classes, and `both`, the share of
        pictures of which these are the two most probable ones.
    """
    numbers = training.numbers(classes)
    codes = validation.codes[validation.rows(classes[0])[:CHANGED]]
    found: dict[str, dict[str, float]] = {}
    for name, direction in directions(training, classes, seed=run.seed).items():
        for strength in STRENGTHS:
            if strength == 0 and found:
                continue
            changed = (codes + strength * direction).astype(np.float32)
            shares = judge.probabilities(np.asarray(run.decode((changed,))))
            both = np.sort(np.argsort(-shares, axis=1)[:, :2], axis=1) == np.sort(numbers)
            words = f"{strength:g} x {name}" if strength else "reconstructions"
            found[words] = {
                **{f"p_{of}": float(shares[:, n].mean()) for of, n in zip(classes, numbers, strict=True)},
                "both": float(both.all(axis=1).mean()),
            }
    return found


def table(measured: Sequence[Mapping[str, dict[str, float]]], classes: tuple[str, str]) -> report.Table:
    """A row for each direction and strength, over seeds.

    Args:
        measured: as `measure` gives it, for each seed.
        classes: names of the two classes.

    Returns:
        The table.
    """
    first, second = classes
    return report.Table(
        rows=[
            report.Row(name=name, metrics=report.summarize([of[name] for of in measured]))
            for name in measured[0]
        ],
        columns=[*report.family("p_{}", classes), *report.columns("both")],
        caption=f"What the judge sees in reconstructions of “{first}” when a direction that may lead to “{second}” "
        "is added to their codes",
    )
