"""A run that is killed, stopped, or fails half-way, and what is left of it."""

import json
import math
import os
import re
import shlex
import shutil
import time
from signal import SIGINT, SIGKILL

import numpy as np
from small_runs import (
    EPOCH,
    SMALL,
    assert_same_state,
    contents,
    error_line,
    finish,
    one_epoch_less,
    run,
    start,
    steps,
)

import jaxvae
from jaxvae import data


def _begun(workdir):
    return lambda: (workdir / "config.json").exists()


def _saved(workdir):
    """Whether there is a checkpoint that is not there now."""
    before = steps(workdir)
    return lambda: steps(workdir) != before


def _training(workdir):
    """Whether the loop listens: it makes its event files, then compiles its steps for a second or more."""

    def training():
        events = list((workdir / "tensorboard").glob("*/*"))
        return len(events) == 2 and time.time() - max(file.stat().st_mtime for file in events) > 0.3

    return training


def assert_same_run(workdir, other):
    assert_same_state(workdir, other)
    assert (workdir / "metrics.jsonl").read_text() == (other / "metrics.jsonl").read_text()
    rows, others = (json.loads((path / "results.json").read_text())["rows"] for path in (workdir, other))
    assert rows == others


def assert_went_on(status, err, *, epoch):
    """A run that begins anew would end in the same state."""
    assert status == 0, err
    assert min(map(int, re.findall(r"epoch (\d)/3", err))) >= epoch


def assert_usable(workdir):
    digits = data.load("mnist", split="test", limit=4).images
    assert np.isfinite(jaxvae.load(workdir).reconstruct(digits)).all()


def test_a_killed_run_resumes_bit_for_bit(launch, finished, tmp_path):
    workdir = tmp_path / "killed"
    command = f"{SMALL} --workdir {workdir}"
    done = finish(start(command), signal=SIGKILL, when=_begun(workdir))
    assert (done.returncode, steps(workdir)) == (-SIGKILL, [])
    done = finish(start(f"{command} --resume"), signal=SIGKILL, when=_saved(workdir))
    assert (done.returncode, bool(steps(workdir))) == (-SIGKILL, True)
    assert steps(workdir)[-1] < 3 * EPOCH
    status, _, err = launch(f"{command} --resume")
    assert_went_on(status, err, epoch=2)
    assert_same_run(workdir, finished[0])


def test_a_stopped_run_says_how_to_resume_and_does_so_bit_for_bit(launch, finished, tmp_path):
    workdir = tmp_path / "stopped here"
    arguments = [*shlex.split(SMALL), "--workdir", str(workdir), "--overwrite"]
    done = finish(start(arguments), signal=SIGINT, when=_training(workdir))
    assert done.returncode == 128 + SIGINT
    said = "error: stopped by SIGINT; the state is saved. Continue with: "
    assert error_line(done.stderr).startswith(said)
    program, *arguments = shlex.split(error_line(done.stderr).removeprefix(said))
    assert (program, arguments[:2]) == ("python", ["-m", "experiments.vlae_mnist"])
    before = steps(workdir)[-1]
    assert before < 3 * EPOCH
    status, _, err = launch(arguments[2:])
    assert_went_on(status, err, epoch=1 + before // EPOCH)
    assert_same_run(workdir, finished[0])


def test_a_truncated_checkpoint_is_left_for_the_one_before(launch, finished, tmp_path):
    workdir = tmp_path / "truncated"
    shutil.copytree(finished[0], workdir)
    newest = workdir / "checkpoints" / str(3 * EPOCH)
    largest = max(newest.rglob("*"), key=lambda file: file.stat().st_size)
    os.truncate(largest, largest.stat().st_size // 2)
    status, out, err = launch(f"{SMALL} --workdir {workdir} --resume")
    assert_went_on(status, err, epoch=3)
    said = (
        rf"checkpoint {3 * EPOCH} is damaged \(.* is truncated or altered\); continuing from step {2 * EPOCH}"
    )
    assert re.search(said, out + err)
    assert_same_run(workdir, finished[0])


def test_a_loss_that_is_not_finite_stops_the_run(launch, finished, tmp_path):
    workdir = one_epoch_less(finished[0], tmp_path / "diverging")
    record = json.loads((workdir / "config.json").read_text())
    record["config"]["learning_rate"] = 1e30
    (workdir / "config.json").write_text(json.dumps(record))
    status, _, err = launch(f"{SMALL} --workdir {workdir} --resume --learning-rate 1e30")
    assert status == 1
    said = (
        r"error: (.+) became (nan|inf|-inf) at step (\d+) in replica 'with(?:out)? SSIM, seed 0'; "
        r".*what was saved before is kept\."
    )
    found = re.match(said, error_line(err))
    assert found, err
    terms = {"kl", "mmd", "reconstruction", "ssim_loss", "loss", "grad_norm_model"}
    assert {name.removesuffix("_weighted") for name in found[1].split(", ")} <= terms
    assert 2 * EPOCH <= int(found[3]) < 3 * EPOCH
    assert steps(workdir) == [EPOCH, 2 * EPOCH]
    assert not (workdir / "results.json").exists()
    for line in (workdir / "metrics.jsonl").read_text().splitlines():
        assert all(math.isfinite(v) for v in json.loads(line).values() if isinstance(v, float))
    assert_usable(workdir)


def test_a_full_disk_leaves_the_checkpoints_before(finished, tmp_path):
    """A limit on the size of a file, 200 blocks of 512 or 1024 bytes, stands for it."""
    workdir = one_epoch_less(finished[0], tmp_path / "full")
    done = run(
        f"{SMALL} --workdir {workdir} --resume",
        prefix=["sh", "-c", 'ulimit -f 200 && exec "$0" "$@"'],
    )
    assert done.returncode == 1
    said = rf"error: .+: {re.escape(str(workdir))}/.+\. Checkpoints so far are kept\."
    assert re.fullmatch(said, error_line(done.stderr))
    assert steps(workdir) == [EPOCH, 2 * EPOCH]
    assert_usable(workdir)


def test_surroundings_change_nothing(finished, tmp_path):
    """Closed stdout, stderr that nobody reads, an old locale, and a user's own settings of Matplotlib."""
    own = tmp_path / "matplotlibrc"
    own.write_text("text.usetex: True\naxes.grid: True\nfont.size: 30\nsavefig.bbox: tight\n")
    env = {
        "MATPLOTLIBRC": str(own),
        "MPLBACKEND": "none",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "ascii",
    }
    workdir = tmp_path / "run"
    reader, writer = os.pipe()
    os.close(reader)
    closed = ["sh", "-c", 'exec "$0" "$@" >&-']
    done = run(f"{SMALL} --workdir {workdir}", prefix=closed, env=env, stderr=writer)
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, "")
    assert_same_run(workdir, finished[0])
    figures, expected = (contents(path / "figures") for path in (workdir, finished[0]))
    assert figures == expected
