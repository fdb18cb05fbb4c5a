import errno
import fcntl
import json
import os
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxvae.train import Checkpoints, TrainState, Workdir
from jaxvae.types import RunStopped

RECORD = {
    "experiment": "toy",
    "config": {"epochs": 3, "loss": {"ssim": 100.0}, "devices": 1},
    "data": {"fingerprint": "abc"},
    "free": ["devices"],
}
FLAGS = {"resume": False, "overwrite": False}


@pytest.fixture
def workdir(tmp_path):
    return Workdir(tmp_path / "runs" / "one")


@pytest.fixture
def run(workdir):
    """A directory that holds a run."""
    workdir.open(RECORD, **FLAGS)
    return workdir


def changed(part, **fields):
    return RECORD | {part: RECORD[part] | fields}


def test_open_makes_the_directory_and_records_the_configuration(workdir):
    workdir.open(RECORD, **FLAGS)
    assert workdir.read_config() == RECORD == json.loads(workdir.config.read_text())
    assert [entry.name for entry in workdir.path.iterdir()] == ["config.json"]


def test_check_changes_nothing(workdir):
    workdir.check(RECORD, **FLAGS)
    assert not workdir.path.parent.exists()


def test_a_directory_without_a_run_is_accepted(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    Workdir(tmp_path).open(RECORD, **FLAGS)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_in_the_way_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(ValueError, match=r"must be a directory, .*/file is a file"):
        Workdir(path).open(RECORD, **FLAGS)
    with pytest.raises(ValueError, match="cannot be written"):
        Workdir(path / "below").open(RECORD, **FLAGS)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("path", ["/dev/null/run", "/proc/run"])
def test_a_directory_that_cannot_be_made_is_refused(path):
    with pytest.raises(ValueError, match=rf"workdir {path} cannot be written .*choose another --workdir"):
        Workdir(Path(path)).open(RECORD, **FLAGS)


def test_a_run_is_not_overwritten_silently(run):
    with pytest.raises(ValueError, match=r"holds a run already; .*--resume, .*--overwrite"):
        run.check(RECORD, **FLAGS)


def test_two_processes_do_not_write_into_one_directory(workdir):
    workdir.path.mkdir(parents=True)
    handle = os.open(workdir.path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(ValueError, match="held by another process"):
        workdir.open(RECORD, **FLAGS)
    assert not workdir.config.exists()
    os.close(handle)
    workdir.open(RECORD, **FLAGS)
    workdir.open(RECORD, resume=True, overwrite=False)
    handle = os.open(workdir.path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)


def test_resume_needs_a_run(workdir):
    with pytest.raises(ValueError, match=r"no run to resume in .*one; leave out --resume"):
        workdir.check(RECORD, resume=True, overwrite=False)


def test_resume_accepts_the_same_run(run):
    run.open(RECORD, resume=True, overwrite=False)
    assert run.read_config() == RECORD


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (changed("config", epochs=4), "epochs was 3, now 4"),
        (changed("config", loss={"ssim": 1.0}), r"loss was \{'ssim': 100.0\}, now \{'ssim': 1.0\}"),
        (changed("config", extra=True), "extra was None, now True"),
        (changed("data", fingerprint="xyz"), "fingerprint was 'abc', now 'xyz'"),
    ],
)
def test_resume_refuses_another_configuration(run, record, message):
    with pytest.raises(ValueError, match=f"another configuration: {message}; resume it with the old value"):
        run.open(record, resume=True, overwrite=False)
    assert run.read_config() == RECORD


def test_resume_accepts_other_devices(run):
    run.open(changed("config", devices=8), resume=True, overwrite=False)
    assert run.read_config()["config"]["devices"] == 8


def test_resume_finds_the_same_images_elsewhere(workdir):
    here, there = (changed("config", data=f"folder:{home}/pictures") for home in ("/home/me", "/mnt/drive"))
    workdir.open(here, **FLAGS)
    with pytest.raises(
        ValueError, match="data was 'folder:/home/me/pictures', now 'folder:/mnt/drive/pictures'"
    ):
        workdir.check(there | {"data": {"fingerprint": "xyz"}}, resume=True, overwrite=False)
    workdir.open(there, resume=True, overwrite=False)
    assert workdir.read_config()["config"]["data"] == "folder:/mnt/drive/pictures"


def test_resume_compares_what_json_keeps(workdir):
    record = changed("config", widths=(32, 64))
    workdir.open(record, **FLAGS)
    assert workdir.read_config()["config"]["widths"] == [32, 64]
    workdir.check(record, resume=True, overwrite=False)
    with pytest.raises(ValueError, match=r"widths was \[32, 64\], now \[32, 65\]"):
        workdir.check(changed("config", widths=(32, 65)), resume=True, overwrite=False)


def test_overwrite_removes_a_runs_files_and_keeps_the_users(run):
    for name in (
        "metrics.jsonl",
        "results.json",
        "report.html",
        "checkpoints/10/x",
        "figures/a.png",
        "tensorboard/e",
    ):
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (run.path / name).write_text("old")
    (run.path / "notes.txt").write_text("mine")
    (run.path / "figures of mine").mkdir()
    run.open(changed("config", epochs=9), resume=False, overwrite=True)
    assert {entry.name for entry in run.path.iterdir()} == {"config.json", "notes.txt", "figures of mine"}
    assert (run.path / "notes.txt").read_text() == "mine"
    assert run.read_config()["config"]["epochs"] == 9


def test_a_directory_killed_while_it_was_cleared_still_holds_a_run(run, monkeypatch):
    (run.checkpoints / "10").mkdir(parents=True)

    def die(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr("jaxvae.train.workdir.shutil.rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            run.open(changed("config", epochs=9), resume=False, overwrite=True)
    with pytest.raises(ValueError, match="holds a run already"):
        run.check(RECORD, **FLAGS)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "name", ["results.json", "figures/thesis.png", "checkpoints/10/x", "config.json", "report.html"]
)
def test_files_that_no_run_wrote_are_neither_overwritten_nor_deleted(workdir, name, overwrite):
    file = workdir.path / name
    file.parent.mkdir(parents=True)
    file.write_text('{"mine": 1}')
    message = rf"holds {name.split('/')[0]}, which a run writes too, but no run; choose another --workdir"
    with pytest.raises(ValueError, match=message):
        workdir.open(RECORD, resume=False, overwrite=overwrite)
    assert file.read_text() == '{"mine": 1}'
    assert sum(path.is_file() for path in workdir.path.rglob("*")) == 1


TRAINED = {
    "replicas": [
        {"variant": "a", "seed": 0, "hyper": {"kl": 1.0}},
        {"variant": "b", "seed": 0, "hyper": {"kl": 2.0}},
    ],
    "weights": {"bce": 1.0, "kl": 1.0},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicas": TRAINED["replicas"][::-1]}, "variants: .*'a'.* then, .*'b'.* now"),
        ({"replicas": TRAINED["replicas"][:1]}, "variants: .*'b'.* then, nothing now"),
        (
            {"replicas": [*TRAINED["replicas"], {"variant": "c", "seed": 0, "hyper": {"kl": 3.0}}]},
            "variants: nothing then, .*'c'.* now",
        ),
        (
            {"replicas": [TRAINED["replicas"][0], {"variant": "b", "seed": 0, "hyper": {"kl": 5.0}}]},
            r"variants: .*'kl': 2\.0.* then, .*'kl': 5\.0.* now",
        ),
        ({"weights": {"bce": 1.0, "kl": 3.0}}, r"weights: .*'kl', 1\.0.* then, .*'kl', 3\.0.* now"),
        ({"models": {"b": {"prior": [1.0, 2.0]}}}, "models: nothing then, .*'prior'.* now"),
    ],
)
def test_resume_refuses_a_script_that_trains_something_else(workdir, change, message):
    workdir.open(RECORD | TRAINED, **FLAGS)
    workdir.check(RECORD | TRAINED, resume=True, overwrite=False)
    with pytest.raises(
        ValueError, match=f"trained other {message}, so the script has changed; start anew with"
    ):
        workdir.open(RECORD | TRAINED | change, resume=True, overwrite=False)
    assert workdir.read_config() == RECORD | TRAINED


@pytest.mark.parametrize("part", ["experiment", "model"])
def test_resume_refuses_another_experiment_or_model(workdir, part):
    before = RECORD | {"experiment": "ladder", "model": {"hidden": 4}}
    workdir.open(before, **FLAGS)
    now = before | ({"experiment": "dense"} if part == "experiment" else {"model": {"hidden": 8}})
    with pytest.raises(ValueError, match="'ladder', now 'dense'" if part == "experiment" else "was 4, now 8"):
        workdir.check(now, resume=True, overwrite=False)


def test_overwrite_does_not_follow_links(run, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    run.checkpoints.symlink_to(elsewhere)
    run.open(RECORD, resume=False, overwrite=True)
    assert not run.checkpoints.exists()
    assert (elsewhere / "precious").exists()


def test_reading_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no run: there is no config.json"):
        Workdir(tmp_path).read_config()
    (tmp_path / "config.json").write_text('{"config": ')
    with pytest.raises(ValueError, match=r"config.json is damaged"):
        Workdir(tmp_path).read_config()


def test_resume_refuses_another_format_in_one_line(workdir):
    workdir.open(RECORD | {"environment": {"jaxvae": "0.1.0"}}, **FLAGS)
    before = workdir.config.read_text()
    with pytest.raises(
        ValueError, match=r"written by jaxvae 0\.1\.0 in another format, .* loaded but not resumed"
    ):
        workdir.open(RECORD | {"format": 2}, resume=True, overwrite=False)
    assert workdir.config.read_text() == before


def test_resume_compares_what_the_record_has_and_leaves_the_rest(run):
    known = {"config": RECORD["config"], "free": ["devices"]}
    run.check(known, resume=True, overwrite=False)
    for part in ("data", "model"):
        with pytest.raises(ValueError, match="another configuration: width was None, now 3"):
            run.check(known | {part: RECORD.get(part, {}) | {"width": 3}}, resume=True, overwrite=False)


DAMAGED = [b"", b"[]", b"5", b'{"config": ', b'{"config": 3}', b"\xff\xfe", b"\0" * 300, b"[" * 100_000]


@pytest.mark.parametrize(("resume", "overwrite"), [(True, False), (False, True), (False, False)])
@pytest.mark.parametrize(
    "text", [text for text in DAMAGED if text != b'{"config": 3}'], ids=lambda text: str(text[:12])
)
def test_a_damaged_configuration_is_named_and_nothing_is_deleted(run, text, resume, overwrite):
    run.config.write_bytes(text)
    with pytest.raises(
        ValueError, match=r"config\.json is damaged.*put back a copy, or .*--workdir\."
    ) as refusal:
        run.open(RECORD, resume=resume, overwrite=overwrite)
    assert "\n" not in str(refusal.value)
    assert run.config.read_bytes() == text


def state(step):
    leaf = jnp.full(1, step, jnp.int32)
    keys = jax.random.split(jax.random.key(0), 1)
    return TrainState(leaf, keys, {"mean": jnp.zeros(1)}, {}, {}, None, {})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one training, and one with a part, each with two checkpoints; to be copied."""
    runs = {kind: Workdir(tmp_path_factory.mktemp("trained") / kind) for kind in ("whole", "parts")}
    for kind, run in runs.items():
        whole = RECORD | {"parts": {"a": "one"}}
        run.open(whole if kind == "parts" else RECORD, **FLAGS)
        training = run.part("one") if kind == "parts" else run
        if kind == "parts":
            training.open(RECORD, **FLAGS)
        checkpoints = Checkpoints(training.checkpoints, {"config": RECORD, "run": whole})
        for step in (1, 2):
            checkpoints.save(state(step))
    return runs


@pytest.mark.parametrize("kind", ["whole", "parts"])
@pytest.mark.parametrize("text", [*DAMAGED, None], ids=lambda text: str(text and text[:12]))
def test_a_damaged_or_missing_configuration_is_taken_from_a_checkpoint(trained, tmp_path, capsys, kind, text):
    shutil.copytree(trained[kind].path, tmp_path / "run")
    run = Workdir(tmp_path / "run")
    before = run.read_config()
    training = run.part("one") if kind == "parts" else run
    (training.checkpoints / "2" / "record.json").write_text("damaged too")
    run.config.unlink()
    if text is not None:
        run.config.write_bytes(text)
    with pytest.raises(ValueError, match=r"holds a run already; continue it with --resume"):
        run.check(before, **FLAGS)
    with pytest.raises(ValueError, match="epochs was 3, now 4"):
        run.check(before | {"config": before["config"] | {"epochs": 4}}, resume=True, overwrite=False)
    state = "missing" if text is None else "damaged"
    with pytest.warns(
        UserWarning, match=rf"config\.json is {state}; what the newest checkpoint says is taken for it\."
    ):
        assert run.read_config() == before
    capsys.readouterr()
    run.open(before, resume=True, overwrite=False)
    assert f"config.json is {state};" in capsys.readouterr().out
    assert json.loads(run.config.read_text()) == before


def test_a_run_whose_directory_is_gone_stops_in_one_sentence_and_makes_nothing(run):
    run.require()
    moved = run.path.rename(run.path.with_name("moved"))
    with pytest.raises(RunStopped, match=r"no longer holds this run, which stops: .* --resume") as stop:
        run.require()
    assert (stop.value.status, stop.value.resumable) == (1, False)
    assert list(moved.parent.iterdir()) == [moved]


def test_a_run_does_not_go_on_in_the_directory_of_the_next_one(run):
    shutil.rmtree(run.path)
    run.path.mkdir()
    run.config.write_text(json.dumps(RECORD))
    with pytest.raises(RunStopped, match=r"no longer holds this run"):
        run.require()
    run.open(RECORD, resume=True, overwrite=False)
    run.require()


def test_the_users_home_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Workdir(Path("~/runs")).path == tmp_path / "runs"


@pytest.mark.parametrize("before", ["rbg", "threefry2x32"])
def test_resume_refuses_random_numbers_of_another_kind(workdir, before):
    now = {"rbg": "threefry2x32", "threefry2x32": "rbg"}[before]
    workdir.open(RECORD | {"environment": {"prng": before}}, **FLAGS)
    workdir.check(RECORD | {"environment": {"prng": before}}, resume=True, overwrite=False)
    workdir.check(RECORD | {"environment": {}}, resume=True, overwrite=False)
    with pytest.raises(
        ValueError, match=f"numbers by {before}, now they are by {now}; set JAX_DEFAULT_PRNG_IMPL={before}"
    ):
        workdir.check(RECORD | {"environment": {"prng": now}}, resume=True, overwrite=False)


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
def test_a_drive_that_drops_is_no_empty_directory(run, monkeypatch, code):
    """Neither is a run begun beside one that cannot be seen, nor anything deleted."""

    def stat(path, **options):
        raise OSError(code, os.strerror(code), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stat)
        for flags in (FLAGS, {"resume": True, "overwrite": False}, {"resume": False, "overwrite": True}):
            with pytest.raises(OSError, match=os.strerror(code)):
                run.open(RECORD, **flags)
    assert run.read_config() == RECORD
