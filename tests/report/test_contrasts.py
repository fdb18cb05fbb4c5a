import pytest

from jaxvae.report import Column, Contrast, Contrasts, Row, contrast_blocks, summarize

COLUMNS = (Column(key="fid", title="FID", digits=1), Column(key="kl", title="KL", unit="nats", digits=2))
ROWS = [
    Row(
        name="a",
        metrics=summarize([{"fid": 10.0, "kl": 3.0}, {"fid": 12.0, "kl": 3.0}]),
        published={"fid": 100.0},
    ),
    Row(name="b", metrics=summarize([{"fid": 9.0, "kl": 4.0}]), published={"fid": 90.0}),
    Row(name="c", metrics=summarize([{"fid": 8.0, "kl": float("nan")}]), published={"fid": 110}),
    Row(name="<d>", metrics=summarize([{"kl": 1000.0}])),
]


@pytest.mark.parametrize(
    ("before", "after", "cells"),
    [
        ("a", "b", ["11.0 → 9.0; published 100.0 → 90.0, same direction (one seed)", "3.00 → 4.00"]),
        ("a", "c", ["11.0 → 8.0; published 100.0 → 110.0, opposite direction (one seed)", ""]),
        ("<d>", "a", ["", "1,000.00 → 3.00"]),
    ],
)
def test_a_change_is_told_with_what_was_published(before, after, cells):
    contrast = Contrast(change="X", before=before, after=after)
    assert Contrasts(contrasts=[contrast], rows=ROWS, columns=COLUMNS).lines() == [(contrast, cells)]


@pytest.mark.parametrize(("before", "after"), [("c", "<d>"), ("a", "e")])
def test_rows_that_cannot_be_compared_make_no_section(before, after):
    assert contrast_blocks([Contrast(change="X", before=before, after=after)], ROWS, COLUMNS) == []


def test_the_table_is_html():
    heading, table = contrast_blocks([Contrast(change="X & Y", before="<d>", after="a")], ROWS, COLUMNS)
    assert "What each change does" in heading.html()
    assert '<th scope="row">X &amp; Y<br>&lt;d&gt; → a</th><td>—</td><td>1,000.00 → 3.00</td>' in table.html()
