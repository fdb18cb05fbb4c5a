"""The results table, once as Markdown for a README and once as HTML for the page.

Both show the same cells: each metric as mean ± sample standard deviation, the published value beside it, the best mean
of a column in bold; below the table, a sentence about each metric and each row's note. Metrics with the same note share
one sentence, and a column that no row has a value for is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from jaxvae.report.column import Column
from jaxvae.report.results import Row, Summary


@dataclass(frozen=True)
class _Cell:
    text: str
    best: bool = False


_MISSING = _Cell("—")


def filled_columns(rows: Sequence[Row], columns: Sequence[Column]) -> list[Column]:
    """The columns that at least one row has a value for, obtained or published.

    Args:
        rows: results.
        columns: metrics, in order.

    Returns:
        Those columns; all of them if no row has any metric, so that a table of failed rows still says what is missing.
    """
    if not any(row.metrics for row in rows):
        return list(columns)
    keys = {key for row in rows for key in (*row.metrics, *row.published)}
    return [column for column in columns if column.key in keys]


def to_markdown(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """Renders the table in GitHub's Markdown, with its notes as a list below.

    Args:
        rows: results.
        columns: metrics to show, in order; those that no row has are left out.

    Returns:
        Markdown that ends with a newline.
    """
    columns = filled_columns(rows, columns)
    headings, body = _cells(rows, columns)
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1)]
    lines += [[_markdown_cell(cell) for cell in cells] for cells in body]
    table = [f"| {' | '.join(line)} |" for line in lines]
    notes = [f"- {sentence}" for sentence in _explanation(rows, columns)]
    return "\n".join([*table, "", *notes]) + "\n"


def to_html(rows: Sequence[Row], columns: Sequence[Column], *, caption: str) -> str:
    """Renders the table as an HTML fragment that scrolls sideways on a narrow screen.

    Args:
        rows: results.
        columns: metrics to show, in order; those that no row has are left out.
        caption: title of the table.

    Returns:
        HTML with all text escaped.
    """
    columns = filled_columns(rows, columns)
    headings, body = _cells(rows, columns)
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    lines = "\n".join(f"<tr>{_html_row(cells)}</tr>" for cells in body)
    notes = "\n".join(f"<li>{escape(sentence)}</li>" for sentence in _explanation(rows, columns))
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">\n'
        f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f'<tbody>\n{lines}\n</tbody>\n</table>\n</div>\n<ul class="notes">\n{notes}\n</ul>'
    )


def _cells(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[list[str], list[list[_Cell]]]:
    headings = [""]
    body = [[_Cell(row.name)] for row in rows]
    for column in columns:
        headings.append(column.heading)
        for cells, cell in zip(body, _obtained(rows, column), strict=True):
            cells.append(cell)
        if any(column.key in row.published for row in rows):
            headings.append(f"{column.title}, published")
            for cells, row in zip(body, rows, strict=True):
                cells.append(_published(row, column))
    return headings, body


def _obtained(rows: Sequence[Row], column: Column) -> list[_Cell]:
    summaries = [row.metrics.get(column.key) for row in rows]
    means = [None if s is None or s["mean"] is None else round(s["mean"], column.digits) for s in summaries]
    finite = [mean for mean in means if mean is not None]
    best = None
    if column.better and len(finite) > 1:
        best = max(finite) if column.better == "higher" else min(finite)
    return [
        _Cell(_spread(summary, column.digits), mean is not None and mean == best)
        for summary, mean in zip(summaries, means, strict=True)
    ]


def _published(row: Row, column: Column) -> _Cell:
    value = row.published.get(column.key)
    return _MISSING if value is None else _Cell(_number(value, column.digits))


def _spread(summary: Summary | None, digits: int) -> str:
    if summary is None or summary["mean"] is None:
        return _MISSING.text
    mean = _number(summary["mean"], digits)
    return mean if summary["std"] is None else f"{mean} ± {_number(summary['std'], digits)}"


def _number(value: float | int, digits: int) -> str:
    # Adding 0.0 turns the -0.0 that rounding leaves into 0.0.
    return f"{round(value, digits) + 0.0:,.{digits}f}"


def _explanation(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    seeds = sorted({summary["n"] for row in rows for summary in row.metrics.values()})
    sentences = []
    if seeds and seeds[-1] == 1:
        sentences.append("One seed.")
    elif seeds:
        count = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
        sentences.append(f"Mean ± sample standard deviation over {count} seeds.")
    if any(cell.best for column in columns for cell in _obtained(rows, column)):
        sentences.append("Bold: the best of its column; the arrow points to better values.")
    labels: dict[str, str] = {}
    for column in columns:
        labels.setdefault(column.note, column.label)
    sentences += [f"{label}: {note}" for note, label in labels.items() if note]
    return sentences + [f"{row.name}: {row.note}" for row in rows if row.note]


def _markdown_cell(cell: _Cell) -> str:
    text = " ".join(cell.text.replace("|", "\\|").split())
    return f"**{text}**" if cell.best else text


def _html_row(cells: list[_Cell]) -> str:
    name, *values = (escape(cell.text) for cell in cells)
    marked = [
        f"<strong>{value}</strong>" if cell.best else value
        for value, cell in zip(values, cells[1:], strict=True)
    ]
    return f'<th scope="row">{name}</th>' + "".join(f"<td>{value}</td>" for value in marked)
