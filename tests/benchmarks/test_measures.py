import numpy as np
import pytest

from benchmarks import measures


def test_spread_is_median_and_quartiles():
    assert measures.spread([4.0, 1.0, 3.0, 2.0, 5.0]) == (2.0, 3.0, 4.0)


def test_ratio_is_taken_within_rounds_so_that_a_slow_machine_cancels():
    ours = np.array([1.0, 10.0, 3.0, 100.0])
    assert measures.ratio(list(1.5 * ours), list(ours)) == pytest.approx((1.5, 1.5, 1.5))


def test_interval_of_a_median_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        low, _, high = measures.ratio(list(np.exp(rng.normal(size=25))), [1.0] * 25, draws=500)
        hits += low <= 1 <= high
    assert 0.90 <= hits / 200 <= 0.99


def test_interval_shrinks_with_the_root_of_the_rounds():
    rng = np.random.default_rng(1)

    def width(rounds):
        low, _, high = measures.ratio(list(1 + 0.01 * rng.normal(size=rounds)), [1.0] * rounds)
        return high - low

    # A median's standard error is sqrt(pi / 2) * sigma / sqrt(n).
    assert width(400) == pytest.approx(2 * 1.96 * 1.2533 * 0.01 / 20, rel=0.3)


@pytest.mark.parametrize("theirs", [[], [1.0]])
def test_ratio_refuses_incomplete_rounds(theirs):
    with pytest.raises(ValueError, match="both times of every round"):
        measures.ratio(theirs, [])


def test_floor_is_work_over_rate():
    assert measures.floor_ms(2e9, 250e9) == pytest.approx(8.0)
