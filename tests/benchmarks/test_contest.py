import time
from pathlib import Path
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
    with contest.Field(tmp_path, tmp_path, str) as field:
        entrants = field.admit(ALL)
        field.play(entrants, rounds=4, seconds=6, random=Random(0))
    names = [name for name, _ in processes.turns]
    rounds = [tuple(names[i : i + len(ALL)]) for i in range(0, len(names), len(ALL))]
    assert [set(r) for r in rounds] == [{c.name for c in ALL}] * 4
    assert len(set(rounds)) > 1
    assert field.failed == {}
    assert {seconds for _, seconds in processes.turns} == {6}
    assert all(e.milliseconds == [250.0] * 4 for e in entrants)
    assert processes.open == 0


def test_a_variant_of_pytorch_that_does_not_run_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(contest, "start", Processes(lambda c: 1, lambda c: c.compile is not None))
    with contest.Field(tmp_path, tmp_path, str) as field:
        assert len(field.admit(ALL)) == len(field.entrants) == 6
    failed = field.failed
    assert set(failed.values()) == {"RuntimeError: no compiler"}
    assert "compile, channels_last" in failed


def test_one_that_dies_in_its_turn_is_out_and_the_others_go_on(monkeypatch, tmp_path):
    def seconds(contestant):
        if contestant.channels_last:
            raise BenchmarkError("OutOfMemoryError: no more")
        return 1.0

    processes = Processes(seconds)
    monkeypatch.setattr(contest, "start", processes)
    with contest.Field(tmp_path, tmp_path, str) as field:
        entrants = field.admit(ALL)
        field.play(entrants, rounds=3, seconds=1, random=Random(0))
        left = {e.contestant.name: len(e.milliseconds) for e in field.entrants}
    assert left == {c.name: 3 for c in ALL if not c.channels_last}
    assert set(field.failed.values()) == {"OutOfMemoryError: no more"}
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
    monkeypatch.setattr(contest, "start", Processes(lambda c: 1))
    with contest.Field(Path(), Path(), str) as field:
        busy = field.play(field.admit([BASE]), rounds=3, seconds=1, random=Random(0))
    assert busy == pytest.approx(1, rel=0.3)


def test_busy_seconds_grow_with_work():
    before = contest.busy_seconds()
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    assert contest.busy_seconds() - before >= 0.1 or not contest._STAT.exists()
