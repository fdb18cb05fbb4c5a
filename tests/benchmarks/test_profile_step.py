import pytest

from benchmarks import profile_step


def test_a_term_costs_what_the_step_without_it_saves():
    times = {
        "whole step": [10.0, 20.0, 12.0],
        "without ssim_loss": [9.0, 18.0, 6.0],
        "gather": [1.0, 2.0, 3.0],
    }
    assert profile_step.shares(times) == [
        ("part", "ms", "share"),
        ("whole step", "12.00", "100.0 %"),
        ("loss: ssim_loss", "2.00", "10.0 %"),
        ("gather", "2.00", "10.0 %"),
    ]


def test_everything_is_timed_by_name(monkeypatch, capsys):
    workload = profile_step.WORKLOADS["conv"]
    small = profile_step.replace(workload, widths=(2, 2))
    monkeypatch.setitem(profile_step.WORKLOADS, "conv", small)
    monkeypatch.setattr(profile_step, "Ours", lambda *given: _Still())
    profile_step.main(profile_step.Config(model="conv", batch_size=4, rounds=2, steps=2))
    printed = capsys.readouterr().out
    for part in ("whole step", "loss: reconstruction", "loss: kl", "gather", "encoder", "decoder"):
        assert f"| {part} " in printed


class _Still:
    """Stands in for a whole step, whose compilation takes long."""

    def run(self, steps):
        return 0.1 * steps


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        profile_step.main(profile_step.Config(rounds=0))
