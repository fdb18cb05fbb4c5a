"""How metrics are shown."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Column:
    """How a metric is shown, in tables and on the axes of curves.

    Attributes:
        key: the metric's name in `Row.metrics` and in metrics.jsonl.
        title: what a reader calls it.
        unit: unit of the values; empty if they have none.
        digits: decimals shown.
        better: which direction is better; None marks no value as the best.
        note: one sentence on what the metric says.
    """

    key: str
    title: str
    unit: str = ""
    digits: int = 3
    better: Literal["higher", "lower"] | None = None
    note: str = ""

    @property
    def label(self) -> str:
        """Title with unit, as an axis shows it."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def heading(self) -> str:
        """Label with an arrow towards better values, as a table shows it."""
        return self.label + {"higher": " ↑", "lower": " ↓", None: ""}[self.better]
