"""What a single change does: two rows that differ in one thing, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxvae.report.columns import Column
from jaxvae.report.results import Row


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two rows of a table that differ in one thing.

    Attributes:
        change: what it is, the start of a sentence.
        before: name of the row without it.
        after: name of the row with it.
    """

    change: str
    before: str
    after: str


def tell(contrast: Contrast, rows: Sequence[Row], columns: Sequence[Column]) -> str | None:
    """Says what a change does to some metrics, and what it was published to do.

    Args:
        contrast: the two rows.
        rows: the table.
        columns: the metrics; those that one of the rows has no value of are left out.

    Returns:
        A sentence for each metric; None if a row or all metrics are missing.
    """
    named = {row.name: row for row in rows}
    if not {contrast.before, contrast.after} <= named.keys():
        return None
    pair = named[contrast.before], named[contrast.after]
    told = [text for column in columns if (text := _metric(column, *pair))]
    return f"{contrast.change} ({contrast.before} → {contrast.after}): {'; '.join(told)}." if told else None


def _metric(column: Column, before: Row, after: Row) -> str | None:
    means = [row.metrics[column.key]["mean"] for row in (before, after) if column.key in row.metrics]
    values = [value for value in means if value is not None]
    if len(values) < 2:
        return None
    unit = f" {column.unit}" if column.unit else ""
    text = f"{column.title} {_arrow(values, column.digits)}{unit}"
    published = [float(row.published[column.key]) for row in (before, after) if column.key in row.published]
    if len(published) < 2:
        return text
    agree = (values[1] > values[0]) == (published[1] > published[0])
    verdict = "the same way" if agree else "the other way"
    return f"{text}, published {_arrow(published, column.digits)}, {verdict}"


def _arrow(values: Sequence[float], digits: int) -> str:
    return " → ".join(f"{value:.{digits}f}" for value in values)
