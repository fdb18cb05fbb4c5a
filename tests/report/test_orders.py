import math

import numpy as np
import pytest
import scipy.stats

from jaxvae.report import Column, Row, compare_orders, spearman, summarize


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_correlation_is_scipys(seed, ties):
    a, b = np.random.default_rng(seed).normal(size=(2, 9))
    if ties:
        a, b = a.round(), b.round()
    assert spearman(list(a), list(b)) == pytest.approx(scipy.stats.spearmanr(a, b).statistic)


def test_order_alone_counts():
    assert spearman([1, 2, 3], [10, 1000, 1001]) == pytest.approx(1)
    assert spearman([1, 2, 3], [3, 2, -50]) == pytest.approx(-1)


def test_ties_alone_have_no_order():
    assert math.isnan(spearman([1, 1], [1, 2]))


@pytest.mark.parametrize(("a", "b"), [([1], [1]), ([1, 2], [1, 2, 3])])
def test_what_cannot_be_ranked_is_refused(a, b):
    with pytest.raises(ValueError, match="needs two or more pairs"):
        spearman(a, b)


FID = Column(key="fid", title="FID")


def row(name, obtained, published=None):
    metrics = {} if obtained is None else summarize([{"fid": obtained}])
    return Row(name=name, metrics=metrics, published={} if published is None else {"fid": published})


def test_orders_are_told_with_their_correlation():
    rows = [row("a", 3.0, 10.0), row("b", 2.0, 20.0), row("c", 9.0, 30.0), row("d", 1.0), row("e", None, 5.0)]
    correlation, words = compare_orders(rows, FID)
    assert correlation == pytest.approx(0.5)
    assert "From least to most FID (one seed): b, a, c. As published: a, b, c." in words
    assert "Ranks that differ: b (1, published 2), a (2, published 1)." in words
    assert "0.50" in words


def test_one_order_is_told_once():
    rows = [row("a", 3.0, 10.0), row("b", 4.0, 20.0), row("c", float("nan"), 1.0)]
    assert compare_orders(rows, FID) == (
        pytest.approx(1),
        "From least to most FID (one seed), as published: a, b.",
    )


def test_three_seeds_need_no_word():
    rows = [
        Row(name=name, metrics=summarize([{"fid": fid}] * 3), published={"fid": fid})
        for name, fid in [("a", 3.0), ("b", 4.0)]
    ]
    assert compare_orders(rows, FID)[1] == "From least to most FID, as published: a, b."


def test_a_single_row_has_no_order():
    correlation, words = compare_orders([row("a", 1.0, 1.0), row("b", 2.0)], FID)
    assert math.isnan(correlation)
    assert words == "Fewer than two rows have both an obtained and a published FID."
