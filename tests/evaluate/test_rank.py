import math

import numpy as np
import pytest
import scipy.stats

from jaxvae.evaluate import spearman


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
