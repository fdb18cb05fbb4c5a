import numpy as np
import pytest

from benchmarks import measures


def test_spread_is_median_and_quartiles():
    assert measures.spread([4.0, 1.0, 3.0, 2.0, 5.0]) == (2.0, 3.0, 4.0)


def test_ratio_is_taken_within_rounds_so_that_a_slow_machine_cancels():
    ours = np.array([[1.0, 10.0, 3.0], [100.0, 2.0, 5.0]])
    assert measures.ratio((1.5 * ours).tolist(), ours.tolist()) == pytest.approx((1.5, 1.5, 1.5))


def test_one_odd_round_of_a_start_changes_nothing():
    ours = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    assert measures.ratio([[2.0, 9.0, 2.0], [2.0, 2.0, 0.1]], ours) == pytest.approx((2, 2, 2))


@pytest.mark.parametrize("between", [0.0, 0.1])
def test_interval_covers_the_ratio_as_often_as_it_says_though_starts_differ(between):
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        starts = np.exp(between * rng.normal(size=(2, 5, 1)) + 0.02 * rng.normal(size=(2, 5, 3)))
        low, _, high = measures.ratio((1.2 * starts[0]).tolist(), starts[1].tolist())
        hits += low <= 1.2 <= high
    assert 0.93 <= hits / 1000 <= 0.97


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        ([], [], "at least 2 starts"),
        ([[1.0]], [[1.0]], "at least 2 starts"),
        ([[1.0], [1.0]], [[1.0]], "at least 2 starts"),
        ([[1.0], []], [[1.0], []], "every round"),
        ([[1.0], [1.0, 1.0]], [[1.0], [1.0]], "every round"),
    ],
)
def test_ratio_refuses_incomplete_rounds(theirs, ours, said):
    with pytest.raises(ValueError, match=said):
        measures.ratio(theirs, ours)


def test_floor_is_work_over_rate():
    assert measures.floor_ms(2e9, 250e9) == pytest.approx(8.0)


def test_growth_is_the_slope_of_a_line_and_its_error():
    assert measures.growth([5.0, 7.0, 9.0, 11.0]) == pytest.approx((2, 0))
    assert measures.growth([5.0, 5.0, 5.0]) == (0, 0)
    assert measures.growth([5.0, 9.0, 5.0]) == pytest.approx((0, 4 / 3**0.5))
