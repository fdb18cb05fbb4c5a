"""What a chapter of an experiment adds to the run's report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jaxvae import report


@dataclass(frozen=True, kw_only=True)
class Section:
    """Results and pages of one chapter.

    Attributes:
        tables: the results, which are also printed.
        blocks: of the page, top to bottom, the tables among them.
        summary: what is said of the chapter as a whole, by name.
        words: what is printed below the tables.
    """

    tables: Sequence[report.Table]
    blocks: Sequence[report.Block]
    summary: Mapping[str, float | int | str] = field(default_factory=dict)
    words: str = ""
