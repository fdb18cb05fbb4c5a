"""What a single change does: pairs of rows that differ in one thing, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from jaxvae.report.blocks import Block, Heading
from jaxvae.report.column import Column
from jaxvae.report.results import Row
from jaxvae.report.verdicts import few_seeds


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two rows of a table that differ in one thing.

    Attributes:
        change: what differs.
        before: name of the row without the change.
        after: name of the row with the change.
    """

    change: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    """A table with a line for each change and a column for each metric: before → after, and the published values.

    Attributes:
        contrasts: the changes.
        rows: the results.
        columns: the metrics; a cell stays empty if one of the two rows has no value.
    """

    contrasts: Sequence[Contrast]
    rows: Sequence[Row]
    columns: Sequence[Column]

    def lines(self) -> list[tuple[Contrast, list[str]]]:
        """The changes whose two rows share at least one metric, each with a cell for every column."""
        named = {row.name: row for row in self.rows}
        lines = [
            (
                contrast,
                [_cell(column, named[contrast.before], named[contrast.after]) for column in self.columns],
            )
            for contrast in self.contrasts
            if {contrast.before, contrast.after} <= named.keys()
        ]
        return [(contrast, cells) for contrast, cells in lines if any(cells)]

    def html(self) -> str:
        """Renders the table."""
        head = "".join(f'<th scope="col">{escape(column.heading)}</th>' for column in self.columns)
        body = "\n".join(
            f'<tr><th scope="row">{escape(c.change)}<br>{escape(c.before)} → {escape(c.after)}</th>'
            + "".join(f"<td>{escape(cell).replace('; ', '<br>') or '—'}</td>" for cell in cells)
            + "</tr>"
            for c, cells in self.lines()
        )
        return (
            '<div class="scroll" role="region" tabindex="0" aria-label="What each change does">\n<table>\n'
            f'<thead><tr><th scope="col">Change</th>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>'
        )


def contrast_blocks(
    contrasts: Sequence[Contrast], rows: Sequence[Row], columns: Sequence[Column]
) -> list[Block]:
    """A section on what single changes do.

    Args:
        contrasts: the changes.
        rows: the results.
        columns: the metrics.

    Returns:
        A heading and a table; no blocks if there are no two rows to compare.
    """
    table = Contrasts(contrasts=contrasts, rows=rows, columns=columns)
    return [Heading("What each change does"), table] if table.lines() else []


def _cell(column: Column, before: Row, after: Row) -> str:
    summaries = [row.metrics[column.key] for row in (before, after) if column.key in row.metrics]
    values = [value for summary in summaries if (value := summary["mean"]) is not None]
    if len(values) < 2:
        return ""
    text = _arrow(values, column.digits)
    published = [float(row.published[column.key]) for row in (before, after) if column.key in row.published]
    if len(published) < 2:
        return text
    agree = (values[1] > values[0]) == (published[1] > published[0])
    verdict = "same direction" if agree else "opposite direction"
    return f"{text}; published {_arrow(published, column.digits)}, {verdict}{few_seeds(*summaries)}"


def _arrow(values: Sequence[float], digits: int) -> str:
    return " → ".join(f"{value:,.{digits}f}" for value in values)
