"""What became of the variants that a study trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jaxvae.run import Run


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What became of a variant.

    Attributes:
        runs: the trained model of each seed that did not fail, with its variables in memory.
        failure: what became of the other seeds, in a sentence; empty if there are none.
        note: what a reader has to know to compare the variant.
        published: what the reproduced work states of it, by metric.
    """

    runs: Sequence[Run]
    failure: str = ""
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


def first_runs(trained: Mapping[str, Trained]) -> dict[str, Run]:
    """The first seed's model of each variant that did not fail.

    Args:
        trained: by variant.

    Returns:
        A model for each, for the page's figures.
    """
    return {name: of.runs[0] for name, of in trained.items() if of.runs}
