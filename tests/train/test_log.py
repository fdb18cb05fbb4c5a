import json
import shutil
from math import inf

import pytest
from event_files import curves

from jaxvae.train import MetricLog, Replica

A, B = Replica("with SSIM", 0, {}), Replica("without SSIM", 3, {})


@pytest.fixture
def start(tmp_path):
    def start(step):
        return MetricLog(tmp_path / "metrics.jsonl", tmp_path / "tensorboard", [A, B], step=step)

    return start


def records(tmp_path):
    return [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


def test_records_have_the_documented_shape(tmp_path, start):
    log = start(0)
    log.write(A, epoch=1, step=50, split="train", values={"loss": 2.5, "mmd": 0.125})
    log.write(B, epoch=1, step=50, split="validation", values={"loss": 3.0})
    head = {"variant": "with SSIM", "seed": 0, "epoch": 1, "step": 50, "split": "train"}
    assert records(tmp_path) == [
        head | {"loss": 2.5, "mmd": 0.125},
        head | {"variant": "without SSIM", "seed": 3, "split": "validation", "loss": 3.0},
    ]


def test_records_are_on_disk_at_once(tmp_path, start):
    log = start(0)
    log.write(A, epoch=1, step=1, split="train", values={"loss": 1.0})
    assert len(records(tmp_path)) == 1


def test_tensorboard_has_the_same_numbers(tmp_path, start):
    log = start(0)
    log.write(A, epoch=1, step=50, split="train", values={"loss": 2.5})
    log.write(A, epoch=1, step=100, split="train", values={"loss": 1.5})
    log.write(B, epoch=1, step=50, split="validation", values={"mmd": 0.25})
    assert curves(tmp_path / "tensorboard") == {
        "with_SSIM-seed0": [("train/loss", 50, 2.5), ("train/loss", 100, 1.5)],
        "without_SSIM-seed3": [("validation/mmd", 50, 0.25)],
    }


def test_resuming_removes_what_comes_after_the_checkpoint(tmp_path, start):
    log = start(0)
    for step in (50, 100, 150):
        log.write(A, epoch=1, step=step, split="train", values={"loss": 1.0})
    log = start(100)
    log.write(A, epoch=1, step=150, split="train", values={"loss": 2.0})
    assert [(r["step"], r["loss"]) for r in records(tmp_path)] == [(50, 1.0), (100, 1.0), (150, 2.0)]
    shown = [("train/loss", 50, 1.0), ("train/loss", 100, 1.0), ("train/loss", 150, 2.0)]
    assert curves(tmp_path / "tensorboard") == {"with_SSIM-seed0": shown, "without_SSIM-seed3": []}


def test_tensorboard_has_what_the_records_have_after_a_kill(tmp_path, start):
    """Each log stands for a process that is killed in the second in which the one before was."""
    for step in (50, 100, 150):
        log = start(step - 50)
        for replica in (A, B):
            log.write(replica, epoch=1, step=step, split="train", values={"loss": float(step), "kl": 1e300})
        expected = [
            (tag, at, v)
            for at in range(50, step + 1, 50)
            for tag, v in (("train/loss", at), ("train/kl", inf))
        ]
        assert curves(tmp_path / "tensorboard") == {
            "with_SSIM-seed0": expected,
            "without_SSIM-seed3": expected,
        }
    for name in ("with_SSIM-seed0", "without_SSIM-seed3"):
        for file in (tmp_path / "tensorboard" / name).iterdir():
            file.write_bytes(file.read_bytes()[:-5])
    start(150)
    assert curves(tmp_path / "tensorboard") == {"with_SSIM-seed0": expected, "without_SSIM-seed3": expected}


def test_the_users_files_stay_beside_the_events(tmp_path, start):
    start(0)
    mine = tmp_path / "tensorboard" / "with_SSIM-seed0" / "notes.txt"
    mine.write_text("mine")
    start(0)
    assert len(list(mine.parent.iterdir())) == 2
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("damage", [b"\0" * 30, b'{"variant": "\xff"}', b'{"step": 50}', b"[]"], ids=str)
def test_a_damaged_line_is_named_and_its_file_kept(tmp_path, start, capsys, damage):
    log = start(0)
    for step in (50, 100, 150):
        log.write(A, epoch=1, step=step, split="train", values={"loss": 1.0})
    path = tmp_path / "metrics.jsonl"
    first, _, last = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, damage, last, b""]))
    before = path.read_bytes()
    start(150)
    said = capsys.readouterr().out
    assert said == f"{path} is damaged in line 2, whose records are lost; {path}.damaged is as it was\n"
    assert [r["step"] for r in records(tmp_path)] == [50, 150]
    assert [at for _, at, _ in curves(tmp_path / "tensorboard")["with_SSIM-seed0"]] == [50, 150]
    assert (tmp_path / "metrics.jsonl.damaged").read_bytes() == before
    start(150)
    assert capsys.readouterr().out == ""


def test_zeros_that_a_loss_of_power_leaves_are_what_is_missed(tmp_path, start, capsys):
    start(0).write(A, epoch=1, step=50, split="train", values={"loss": 1.0})
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes() + b"\0" * 500)
    start(100)
    assert f"{path} ends at step 50;" in capsys.readouterr().out
    assert [r["step"] for r in records(tmp_path)] == [50]


def test_a_directory_that_is_gone_is_not_made_again(tmp_path, start):
    log = start(0)
    shutil.rmtree(tmp_path)
    with pytest.raises(FileNotFoundError) as error:
        log.write(A, epoch=1, step=50, split="train", values={"loss": 1.0})
    assert error.value.filename == str(tmp_path / "metrics.jsonl")
    assert not tmp_path.exists()


def test_half_a_line_left_by_a_kill_is_removed(tmp_path, start):
    log = start(0)
    log.write(A, epoch=1, step=50, split="train", values={"loss": 1.0})
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"variant": "with SS')
    log = start(50)
    log.write(A, epoch=1, step=100, split="train", values={"loss": 2.0})
    assert [r["step"] for r in records(tmp_path)] == [50, 100]


def test_the_file_is_closed_after_each_record(tmp_path, start):
    path = tmp_path / "metrics.jsonl"
    log = start(0)
    log.write(A, epoch=1, step=1, split="train", values={"loss": 1.0})
    path.rename(tmp_path / "synced.jsonl")
    log.write(A, epoch=1, step=2, split="train", values={"loss": 1.0})
    assert [r["step"] for r in records(tmp_path)] == [2]


def test_records_that_are_lost_before_the_checkpoint_are_missed(tmp_path, start, capsys):
    log = start(0)
    for step in (50, 100):
        log.write(A, epoch=1, step=step, split="train", values={"loss": 1.0})
    start(100)
    assert capsys.readouterr().out == ""
    start(150)
    path = tmp_path / "metrics.jsonl"
    assert capsys.readouterr().out == (
        f"{path} ends at step 100; the records up to the checkpoint of step 150 are lost\n"
    )
    path.unlink()
    start(150)
    assert f"{path} ends at step 0;" in capsys.readouterr().out


def test_starting_anew_leaves_nothing_of_before(tmp_path, start):
    log = start(0)
    log.write(A, epoch=1, step=50, split="train", values={"loss": 1.0})
    start(0)
    assert records(tmp_path) == []
