import pytest

from jaxvae.report import Column, Contrast, Row, summarize, tell

COLUMNS = (Column(key="fid", title="FID", digits=1), Column(key="kl", title="KL", unit="nats", digits=2))
ROWS = [
    Row(
        name="a",
        metrics=summarize([{"fid": 10.0, "kl": 3.0}, {"fid": 12.0, "kl": 3.0}]),
        published={"fid": 100.0},
    ),
    Row(name="b", metrics=summarize([{"fid": 9.0, "kl": 4.0}]), published={"fid": 90.0}),
    Row(name="c", metrics=summarize([{"fid": 8.0, "kl": float("nan")}]), published={"fid": 110}),
    Row(name="d", metrics=summarize([{"kl": 1.0}])),
]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("a", "b", "X (a → b): FID 11.0 → 9.0, published 100.0 → 90.0, the same way; KL 3.00 → 4.00 nats."),
        ("a", "c", "X (a → c): FID 11.0 → 8.0, published 100.0 → 110.0, the other way."),
        ("d", "a", "X (d → a): KL 1.00 → 3.00 nats."),
        ("c", "d", None),
        ("a", "e", None),
    ],
)
def test_a_change_is_told_with_what_was_published(before, after, said):
    assert tell(Contrast(change="X", before=before, after=after), ROWS, COLUMNS) == said
