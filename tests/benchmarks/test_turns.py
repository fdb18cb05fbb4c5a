import multiprocessing

import pytest

from benchmarks.processes import BenchmarkError
from benchmarks.turns import ratio, started, take_turns


def count(side, pipe):
    """A contestant that sends how often it has been asked."""
    if side == "dies":
        raise SystemExit
    turns = 0
    pipe.send(f"{side} is ready")
    while True:
        pipe.recv()
        turns += 1
        pipe.send((side, turns))


def test_the_ratio_is_that_of_the_best_within_rounds():
    ours, theirs = [[1.0, 2.0, 1.0], [5.0, 5.0, 0.1]], [[9.0, 9.0, 9.0], [3.0, 3.0, 2.0]]
    assert ratio(ours, theirs) == (1.5, 2.0, 3.0)


def test_everyone_runs_once_a_round():
    with started(count, ["a", "b"]) as (contenders, messages):
        assert messages == ["a is ready", "b is ready"]
        assert take_turns(contenders, rounds=3) == [[(side, turn) for turn in (1, 2, 3)] for side in "ab"]
        processes = multiprocessing.active_children()
        assert len(processes) == 2
    assert [process.exitcode for process in processes] == [0, 0]


def test_one_that_dies_is_named():
    with pytest.raises(BenchmarkError, match="dies died"), started(count, ["dies"]):
        pass
