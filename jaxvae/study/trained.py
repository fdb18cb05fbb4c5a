"""What became of the variants that a study trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jaxvae import train
from jaxvae.run import Run
from jaxvae.train import Workdir


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What became of a variant.

    Attributes:
        runs: the trained model of each seed that did not fail, with its variables in memory.
        failure: what became of the other seeds, in a sentence; empty if there are none.
        incidents: what happened in training that a reader has to know, in sentences; empty if nothing did.
        note: what a reader has to know to compare the variant.
        published: what the reproduced work states of it, by metric.
    """

    runs: Sequence[Run]
    failure: str = ""
    incidents: str = ""
    note: str = ""
    published: Mapping[str, float] = field(default_factory=dict)


def diverged(reasons: Sequence[str]) -> str:
    """What a table says of seeds that diverged.

    Args:
        reasons: what became infinite or NaN in each.

    Returns:
        A sentence; empty if there is no such seed.
    """
    return f"Diverged, and not counted: {'; '.join(reasons)}." if reasons else ""


def incidents(variant: str, workdir: Workdir, skipped: Mapping[int, int]) -> str:
    """What a table says of steps that were left out and of trainings that went back.

    Args:
        variant: the row.
        workdir: of its training.
        skipped: how many steps each seed left out.

    Returns:
        Sentences; empty if there is nothing to say.
    """
    went_back = [why for of, _, why in train.read_rollbacks(workdir.rollbacks) if of == variant]
    left_out = [f"seed {seed} {count}" for seed, count in skipped.items() if count]
    said = [f"Rolled back: {'; '.join(went_back)}."] if went_back else []
    if left_out:
        said.append(f"Steps left out because their gradient was not finite: {', '.join(left_out)}.")
    return " ".join(said)


def first_runs(trained: Mapping[str, Trained]) -> dict[str, Run]:
    """The first seed's model of each variant that did not fail.

    Args:
        trained: by variant.

    Returns:
        A model for each, for the page's figures.
    """
    return {name: of.runs[0] for name, of in trained.items() if of.runs}
