import dataclasses
import io
import json
import time

import jax
import numpy as np
import pytest

from benchmarks import input as benchmark
from benchmarks import loops
from benchmarks.input import Config
from benchmarks.processes import BenchmarkError
from benchmarks.workloads import WORKLOADS

SMALL = dataclasses.replace(
    WORKLOADS["conv"], image_shape=(12, 12, 3), widths=(4,), latent_sizes=(2,), batch_size=4
)


@pytest.fixture
def images(monkeypatch):
    """Two batches of a small workload and two images that fill none."""
    monkeypatch.setitem(WORKLOADS, "horses", SMALL)
    return np.random.default_rng(0).integers(0, 256, (10, 12, 12, 3), np.uint8)


def test_both_sources_train_the_same_and_a_late_input_is_noticed(images):
    trained = []
    for streamed in benchmark.SOURCES.values():
        with loops.Loop(Config(batch_size=4).contestant, images, streamed=streamed) as loop:
            loop.epoch()
            feed = loop._feed
            loop._feed = lambda state, feed=feed: (time.sleep(0.2), feed(state))[1]
            answer = loop.epoch()
            assert 0.2 <= answer["waited"] < answer["seconds"]
            assert answer["images"] == 8
            assert answer["resident_bytes"] is None or answer["resident_bytes"] > 1e7
            trained.append(jax.device_get(loop._state.params))
    jax.tree.map(np.testing.assert_array_equal, *trained)


def test_a_process_answers_every_line_with_an_epoch(images, monkeypatch, tmp_path):
    class Loop:
        def __init__(self, contestant, given, *, streamed):
            assert isinstance(given, np.memmap)
            assert (contestant.batch_size, streamed) == (4, True)
            self.epochs = 0

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

        def epoch(self):
            self.epochs += 1
            return {"epoch": self.epochs}

    monkeypatch.setattr(loops, "Loop", Loop)
    np.save(tmp_path / "images.npy", images)
    contestant = Config(batch_size=4).contestant.record()
    task = {"contestant": contestant, "images": str(tmp_path / "images.npy"), "streamed": True}
    answers = io.StringIO()
    loops.serve(task, io.StringIO("{}\n{}\n"), answers)
    assert [json.loads(line) for line in answers.getvalue().splitlines()] == [{"epoch": 1}, {"epoch": 2}]


class Process:
    """Stands in for the process of a source: twice as fast from the device, waits and grows when streamed."""

    def __init__(self, streamed, told):
        self.streamed, self.told, self.epochs = streamed, told, 0

    def ask(self, command):
        json.dumps(command)
        self.epochs += 1
        seconds = (2.0 if self.streamed else 1.0) * (100 if self.epochs == 1 else 1)
        held = 5e8 + self.streamed * 3e6 * self.epochs
        waited = 0.02 * self.streamed * self.epochs
        return {
            "seconds": seconds,
            "waited": waited,
            "images": 100,
            "resident_bytes": self.told and int(held),
        }

    def close(self):
        self.streamed = None


@pytest.fixture
def machine(monkeypatch):
    """Stand-ins for all processes."""
    started = []

    def start(config, path, source, told=True):
        started.append(Process(benchmark.SOURCES[source], told))
        return started[-1]

    monkeypatch.setattr(benchmark, "start", start)
    monkeypatch.setattr(benchmark, "ask", lambda *question: {"jax_devices": ["cpu: X"]})
    monkeypatch.setattr(benchmark, "make_images", lambda workload, examples: np.zeros(1))
    return started


def test_shares_rates_and_growth_leave_the_first_epoch_out(machine, tmp_path, capsys):
    out = tmp_path / "out.json"
    benchmark.main(Config(out=out, epochs=4))
    results = json.loads(out.read_text())
    assert results["flags"]["epochs"] == 4
    resident, streamed = results["rows"]
    assert (resident["images_per_second"], streamed["images_per_second"]) == (100, 50)
    assert resident["waiting_share"] == 0
    assert streamed["waiting_share"] == pytest.approx(0.02 * (2 + 3 + 4 + 5) / 8)
    assert streamed["waiting_share_most"] == pytest.approx(0.05)
    assert resident["growth_bytes"] == pytest.approx([0, 0])
    assert streamed["growth_bytes"] == pytest.approx([3e6, 0], abs=1)
    assert streamed["growth_bytes_later"] == pytest.approx([3e6, 0], abs=1)
    assert len(streamed["epochs"]) == len(streamed["resident_bytes"]) == 5
    printed = capsys.readouterr().out
    assert (
        "| streamed | 50       | 50-50     | 3.50 %  | 5.00 % | 515 | +3.00 ± 0.00 | +3.00 ± 0.00" in printed
    )
    assert "an epoch takes 2.000 times as long" in printed
    assert [process.streamed for process in machine] == [None, None]


def test_memory_that_the_system_does_not_tell_is_a_dash():
    epochs = [{"seconds": 1.0, "waited": 0.0, "images": 5, "resident_bytes": None}] * 3
    row = benchmark.row("resident", epochs[0], epochs[1:])
    assert row["growth_bytes"] is None
    assert benchmark.table([row]).endswith("| -  | -        | -              |")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"epochs": 3}, "epochs >= 4, got 64, 2 and 3"),
        ({"batch_size": 0}, "must be >= 1"),
        ({"images": 63}, "must fill a batch of 64, got 63"),
        ({"precision": "tensorfloat32"}, "precision on cpu must be one of float32, bfloat16"),
    ],
)
def test_config_refuses(tmp_path, flags, said):
    with pytest.raises(ValueError, match=said):
        benchmark.main(Config(out=tmp_path / "out.json", **flags))


def test_a_missing_device_is_said_in_one_line(machine, monkeypatch, tmp_path):
    def ask(*question):
        raise BenchmarkError("RuntimeError: no backend")

    monkeypatch.setattr(benchmark, "ask", ask)
    with pytest.raises(ValueError, match="JAX finds no gpu here"):
        benchmark.main(Config(out=tmp_path / "out.json", device="gpu"))
