import time
from random import Random

import pytest
from stand_ins import Processes

from benchmarks import contest
from benchmarks.contestants import Contestant, opponents, ours
from benchmarks.processes import BenchmarkError, reason

BASE = Contestant(side="ours", model="conv", batch_size=8, precision="float32", device="cpu", threads=1)
ALL = ours(BASE, (1,)) + opponents(BASE)


@pytest.fixture(autouse=True)
def _awake(monkeypatch):
    monkeypatch.setattr(contest, "PAUSE", 0.001)


def test_every_round_gives_each_one_turn_in_changing_order(monkeypatch, tmp_path):
    processes = Processes(lambda contestant: 0.25)
    monkeypatch.setattr(contest, "start", processes)
    with contest.field_of(ALL, tmp_path, str) as (entrants, failed):
        contest.play(entrants, rounds=4, steps=6, random=Random(0), tell=str)
    names = [name for name, _ in processes.turns]
    rounds = [tuple(names[i : i + len(ALL)]) for i in range(0, len(names), len(ALL))]
    assert [set(r) for r in rounds] == [{c.name for c in ALL}] * 4
    assert len(set(rounds)) > 1
    assert failed == {}
    assert all(e.milliseconds == [250.0] * 4 for e in entrants)
    assert processes.open == 0


def test_replicas_train_fewer_steps_and_count_all_of_them(monkeypatch, tmp_path):
    processes = Processes(lambda contestant: 0.1 * contestant.replicas)
    monkeypatch.setattr(contest, "start", processes)
    with contest.field_of(ours(BASE, (1, 4, 32)), tmp_path, str) as (entrants, _):
        contest.play(entrants, rounds=1, steps=8, random=Random(0), tell=str)
    assert sorted(steps for _, steps in processes.turns) == [1, 1, 2, 2, 8, 8]
    assert [e.median for e in entrants[:3]] == pytest.approx([100, 400, 3200])


def test_a_variant_of_pytorch_that_does_not_run_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(contest, "start", Processes(lambda c: 1, lambda c: c.compile is not None))
    with contest.field_of(ALL, tmp_path, str) as (entrants, failed):
        assert len(entrants) == 6
    assert set(failed.values()) == {"RuntimeError: no compiler"}
    assert "compile, channels_last" in failed


def test_ours_has_to_run(monkeypatch, tmp_path):
    processes = Processes(lambda c: 1, lambda c: c.side == "ours")
    monkeypatch.setattr(contest, "start", processes)
    field = contest.field_of(ALL, tmp_path, str)
    with pytest.raises(BenchmarkError, match="jaxvae does not start: RuntimeError: no compiler"):
        field.__enter__()
    assert processes.open == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Traceback\n  File x\nValueError: wrong\n\nSet X=1 for details\n", "ValueError: wrong"),
        (
            "torch._dynamo.exc.BackendCompilerFailed: a\nmodule.NotHereError: b\nhint",
            "module.NotHereError: b",
        ),
        ("Killed\n", "Killed"),
        ("", ""),
    ],
)
def test_reason_is_the_last_exception(text, line):
    assert reason(text) == line


def test_other_programs_are_noticed(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(contest, "busy_seconds", lambda: 0.05 * next(clock))
    monkeypatch.setattr(contest, "PAUSE", 0.05)
    entrant = contest.Entrant(BASE, Processes(lambda c: 1)(BASE, None), 1.0)
    busy = contest.play([entrant], rounds=3, steps=1, random=Random(0), tell=str)
    assert busy == pytest.approx(1, rel=0.3)


def test_busy_seconds_grow_with_work():
    before = contest.busy_seconds()
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    assert contest.busy_seconds() - before >= 0.1 or not contest._STAT.exists()
