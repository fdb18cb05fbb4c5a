"""How a metric is shown."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Column:
    """How a metric is shown, in tables and on the axes of curves.

    Attributes:
        key: the metric's name in `Row.metrics` and in metrics.jsonl.
        title: the metric's name for readers.
        unit: unit of the values; empty if they have none.
        digits: decimals shown.
        better: which direction is better; with None no value is marked as the best.
        note: one sentence that explains the metric.
    """

    key: str
    title: str
    unit: str = ""
    digits: int = 3
    better: Literal["higher", "lower"] | None = None
    note: str = ""

    @property
    def label(self) -> str:
        """Title with unit, as on an axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def heading(self) -> str:
        """Label with an arrow towards better values, as in a table."""
        return self.label + {"higher": " ↑", "lower": " ↓", None: ""}[self.better]
