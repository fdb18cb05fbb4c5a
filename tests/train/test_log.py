import json
import struct

import pytest
from tensorboardX.proto.event_pb2 import Event

from jaxvae.train import MetricLog, Replica

A, B = Replica("with SSIM", 0, {}), Replica("without SSIM", 3, {})


@pytest.fixture
def start(tmp_path):
    def start(step):
        return MetricLog(tmp_path / "metrics.jsonl", tmp_path / "tensorboard", [A, B], step=step)

    return start


def records(tmp_path):
    return [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


def events(directory):
    """What TensorBoard reads: each record is its length, a checksum, the event and another checksum."""
    for file in sorted(directory.iterdir()):
        stream = file.read_bytes()
        while stream:
            (length,) = struct.unpack("<Q", stream[:8])
            yield Event.FromString(stream[12 : 12 + length])
            stream = stream[16 + length :]


def test_records_have_the_documented_shape(tmp_path, start):
    with start(0) as log:
        log.write(A, epoch=1, step=50, split="train", values={"loss": 2.5, "mmd": 0.125})
        log.write(B, epoch=1, step=50, split="validation", values={"loss": 3.0})
    head = {"variant": "with SSIM", "seed": 0, "epoch": 1, "step": 50, "split": "train"}
    assert records(tmp_path) == [
        head | {"loss": 2.5, "mmd": 0.125},
        head | {"variant": "without SSIM", "seed": 3, "split": "validation", "loss": 3.0},
    ]


def test_records_are_on_disk_at_once(tmp_path, start):
    with start(0) as log:
        log.write(A, epoch=1, step=1, split="train", values={"loss": 1.0})
        assert len(records(tmp_path)) == 1


def test_tensorboard_has_the_same_numbers(tmp_path, start):
    with start(0) as log:
        log.write(A, epoch=1, step=50, split="train", values={"loss": 2.5})
        log.write(A, epoch=1, step=100, split="train", values={"loss": 1.5})
        log.write(B, epoch=1, step=50, split="validation", values={"mmd": 0.25})
    scalars = {
        directory.name: [
            (value.tag, event.step, value.simple_value)
            for event in events(directory)
            for value in event.summary.value
        ]
        for directory in (tmp_path / "tensorboard").iterdir()
    }
    assert scalars == {
        "with_SSIM-seed0": [("train/loss", 50, 2.5), ("train/loss", 100, 1.5)],
        "without_SSIM-seed3": [("validation/mmd", 50, 0.25)],
    }


def test_resuming_removes_what_comes_after_the_checkpoint(tmp_path, start):
    with start(0) as log:
        for step in (50, 100, 150):
            log.write(A, epoch=1, step=step, split="train", values={"loss": 1.0})
    with start(100) as log:
        log.write(A, epoch=1, step=150, split="train", values={"loss": 2.0})
    assert [(r["step"], r["loss"]) for r in records(tmp_path)] == [(50, 1.0), (100, 1.0), (150, 2.0)]
    directory = tmp_path / "tensorboard" / "with_SSIM-seed0"
    assert 101 in [event.step for event in events(directory) if event.HasField("session_log")]


def test_half_a_line_left_by_a_kill_is_removed(tmp_path, start):
    with start(0) as log:
        log.write(A, epoch=1, step=50, split="train", values={"loss": 1.0})
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"variant": "with SS')
    with start(50) as log:
        log.write(A, epoch=1, step=100, split="train", values={"loss": 2.0})
    assert [r["step"] for r in records(tmp_path)] == [50, 100]


def test_the_file_is_closed_after_each_record(tmp_path, start):
    path = tmp_path / "metrics.jsonl"
    with start(0) as log:
        log.write(A, epoch=1, step=1, split="train", values={"loss": 1.0})
        path.rename(tmp_path / "synced.jsonl")
        log.write(A, epoch=1, step=2, split="train", values={"loss": 1.0})
        assert [r["step"] for r in records(tmp_path)] == [2]


def test_records_that_are_lost_before_the_checkpoint_are_missed(tmp_path, start, capsys):
    with start(0) as log:
        for step in (50, 100):
            log.write(A, epoch=1, step=step, split="train", values={"loss": 1.0})
    with start(100):
        pass
    assert capsys.readouterr().out == ""
    with start(150):
        pass
    path = tmp_path / "metrics.jsonl"
    assert capsys.readouterr().out == (
        f"{path} ends at step 100; the records up to the checkpoint of step 150 are lost\n"
    )
    path.unlink()
    with start(150):
        pass
    assert f"{path} ends at step 0;" in capsys.readouterr().out


def test_starting_anew_leaves_nothing_of_before(tmp_path, start):
    with start(0) as log:
        log.write(A, epoch=1, step=50, split="train", values={"loss": 1.0})
    with start(0):
        pass
    assert records(tmp_path) == []
