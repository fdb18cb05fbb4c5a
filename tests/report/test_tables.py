from dataclasses import replace

import pytest

from jaxvae.report import Column, Row, Table, summarize, to_html, to_markdown

SSIM = Column(key="ssim", title="SSIM", digits=2, better="higher", note="Similarity.")
BCE = Column(key="bce", title="BCE", unit="nats", digits=1, better="lower")
SEEDS = Column(key="size", title="Size", digits=0)

ROWS = [
    Row(
        name="plain",
        metrics=summarize(
            [{"ssim": 0.7, "bce": 100.0, "size": 210821}, {"ssim": 0.72, "bce": 102.0, "size": 210821}]
        ),
        published={"ssim": 0.705},
    ),
    Row(
        name="a|b <i>",
        metrics=summarize([{"ssim": 0.8, "bce": 103.0, "size": 9}, {"ssim": 0.8, "bce": 103.0, "size": 9}]),
        note="Only & ever.",
    ),
]


def test_markdown_shows_published_beside_obtained_and_the_best_in_bold():
    assert to_markdown(ROWS, [SSIM, BCE, SEEDS]).splitlines() == [
        "|  | SSIM ↑ | SSIM, published | BCE (nats) ↓ | Size |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| plain | 0.71 ± 0.01 | 0.70 | **101.0 ± 1.4** | 210,821 ± 0 |",
        "| a\\|b <i> | **0.80 ± 0.00** | — | 103.0 ± 0.0 | 9 ± 0 |",
        "",
        "- Mean ± sample standard deviation over 2 seeds.",
        "- Bold: the best of its column; the arrow points to better values.",
        "- SSIM: Similarity.",
        "- a|b <i>: Only & ever.",
    ]


def test_html_shows_the_same_cells_escaped():
    html = to_html(ROWS, [SSIM, BCE], caption="Results <all>")
    assert "<caption>Results &lt;all&gt;</caption>" in html
    assert '<th scope="col">SSIM, published</th><th scope="col">BCE (nats) ↓</th>' in html
    assert (
        '<th scope="row">plain</th><td>0.71 ± 0.01</td><td>0.70</td><td><strong>101.0 ± 1.4</strong></td>'
        in html
    )
    assert '<th scope="row">a|b &lt;i&gt;</th><td><strong>0.80 ± 0.00</strong></td><td>—</td>' in html
    assert "<li>a|b &lt;i&gt;: Only &amp; ever.</li>" in html


def row(name, **metrics):
    return Row(name=name, metrics=summarize([metrics]))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("a", bce=1.0)], ["1.0"]),
        ([row("a", bce=1.01), row("b", bce=0.99), row("c", bce=1.2)], ["**1.0**", "**1.0**", "1.2"]),
        ([row("a", bce=float("nan")), row("b", bce=-0.01), row("c", bce=7.0)], ["—", "**0.0**", "7.0"]),
        ([row("a", other=1.0), row("b", bce=2.0)], ["—", "2.0"]),
    ],
    ids=["single", "tie", "not finite", "missing"],
)
def test_bold_needs_a_rival_and_compares_what_is_shown(rows, expected):
    lines = to_markdown(rows, [BCE]).splitlines()[2 : 2 + len(rows)]
    assert [line.split(" | ")[1].removesuffix(" |") for line in lines] == expected


def test_columns_that_no_row_has_are_dropped():
    diverged = Row(name="b", metrics={}, note="Diverged.")
    rows = [row("a", bce=1.0), diverged, Row(name="c", metrics={}, published={"ssim": 0.7})]
    table = Table(rows=rows, columns=[SSIM, SEEDS, BCE], caption="Results")
    assert table.columns == [SSIM, BCE]
    assert to_markdown(rows, [SSIM, SEEDS, BCE]).splitlines() == [
        "|  | SSIM ↑ | SSIM, published | BCE (nats) ↓ |",
        "| --- | ---: | ---: | ---: |",
        "| a | — | — | 1.0 |",
        "| b | — | — | — |",
        "| c | — | 0.70 | — |",
        "",
        "- One seed.",
        "- SSIM: Similarity.",
        "- b: Diverged.",
    ]
    assert "Size" not in to_html(rows, [SSIM, SEEDS, BCE], caption="Results")


def test_a_table_of_failed_rows_shows_what_is_missing():
    rows = [Row(name="a", metrics={}, note="Diverged.")]
    assert to_markdown(rows, [BCE]).splitlines() == [
        "|  | BCE (nats) ↓ |",
        "| --- | ---: |",
        "| a | — |",
        "",
        "- a: Diverged.",
    ]


def test_columns_with_one_note_share_a_sentence():
    other = replace(SSIM, key="ssim_z", title="SSIM z")
    notes = to_markdown([row("a", ssim=1.0, ssim_z=1.0)], [SSIM, other]).splitlines()[4:]
    assert notes == ["- One seed.", "- SSIM: Similarity."]


def test_the_number_of_seeds_is_stated():
    three = Row(name="b", metrics=summarize([{"bce": 1.0}] * 3))
    assert "- One seed." in to_markdown([row("a", bce=1.0)], [BCE])
    assert "over 1 to 3 seeds." in to_markdown([row("a", bce=1.0), three], [BCE])
