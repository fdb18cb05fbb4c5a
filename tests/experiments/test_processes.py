"""Several processes on this machine train what one process trains, and end together when one of them dies."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import one_process
import pytest
import small_runs

from jaxvae import report, train

WORKER = Path(one_process.__file__)


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """Where processes keep temporary files, of which none stays, however they end."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    deadline = time.monotonic() + small_runs.PATIENCE
    while left := list(folder.glob("jaxvae-*")):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0


def start(command, processes, *, devices=1):
    """Starts a command as each of several processes, which find each other by flags at its end."""
    joint = [f"localhost:{free_port()}", str(processes)]
    return [start_one(command(*joint, str(process)), devices=devices) for process in range(processes)]


def start_one(arguments, variables={}, *, devices=1):  # noqa: B006
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=small_runs.ROOT,
        env=os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": str(small_runs.ROOT)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(group, *, patience=small_runs.PATIENCE):
    """Waits for all of a group: exit status, stdout and stderr of each."""
    try:
        said = [process.communicate(timeout=patience) for process in group]
    finally:
        for process in group:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return [(process.returncode, *each) for process, each in zip(group, said, strict=True)]


def train_jobs(root, jobs, processes, devices):
    """Trains and measures with some processes and returns what each job has left."""

    def command(*joint):
        alone = () if processes == 1 else ("--", *joint)
        return [str(WORKER), str(root), str(devices), *jobs, *alone]

    for status, out, err in end(start(command, processes, devices=devices), patience=3 * small_runs.PATIENCE):
        assert status == 0, out + err
    return {job: left(root / job.replace(":", "-")) for job in jobs}


def left(workdir):
    """The state of the last checkpoint, all numbers that were logged, and those of the report."""
    checkpoint = train.Checkpoints(workdir / "checkpoints").restore_tree()
    state = {name: checkpoint[name] for name in ("step", "key", "params", "model_state")}
    records = report.read_records(workdir / "metrics.jsonl")
    assert {record["split"] for record in records} == {"train", "validation"}
    for record in records:
        if record["split"] == "train":
            record.pop("sample_diversity", None)  # looks for neighbours on the same device
    return {
        "state": state,
        "log": records,
        "results": json.loads((workdir / "results.json").read_text())["rows"],
    }


def assert_trained_alike(root, jobs, processes, devices):
    several = train_jobs(root / "several", jobs, processes, devices)
    alone = train_jobs(root / "alone", jobs, 1, 1)
    assert jax.tree.structure(several) == jax.tree.structure(alone)
    pairs = zip(*map(jax.tree_util.tree_leaves_with_path, (several, alone)), strict=True)
    for (path, value), (_, expected) in pairs:
        if isinstance(expected, str):
            assert value == expected, path
        else:
            np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-4, err_msg=str(path))


def test_two_processes_train_what_one_does(tmp_path):
    assert_trained_alike(tmp_path, ["small:jit", "small:pmap"], 2, 1)


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "devices"), [(2, 1), (2, 2), (4, 1), (4, 2)])
@pytest.mark.parametrize("model", one_process.FLAGS)
def test_any_number_of_processes_trains_what_one_does(tmp_path, model, processes, devices):
    assert_trained_alike(tmp_path, [f"{model}:jit", f"{model}:pmap"], processes, devices)


RUN = f"-m experiments.vlae_mnist {small_runs.SMALL}".split()


def start_run(workdir, *flags, processes=2):
    """Starts a small run; `flags` may be a function of the process's number."""

    def command(address, count, process):
        own = flags[0](int(process)) if flags and callable(flags[0]) else flags
        joint = ["--coordinator", address, "--processes", count, "--process", process]
        return [*RUN, "--workdir", str(workdir), *joint, *own]

    return start(command, processes)


def wait_for_checkpoint(workdir, group):
    deadline = time.monotonic() + small_runs.PATIENCE
    while not list((workdir / "checkpoints").glob("*/SHA256SUMS")):
        assert time.monotonic() < deadline
        assert all(process.poll() is None for process in group), end(group)
        time.sleep(0.05)


def lose(tmp_path, kill, victim):
    """Lets two processes lose one in the middle of training; checks what the other says, and returns the seconds."""
    workdir = tmp_path / "run"
    group = start_run(workdir)
    wait_for_checkpoint(workdir, group)
    os.killpg(group[victim].pid, kill)
    lost = time.monotonic()
    (status, _, err) = end([group[1 - victim]])[0]
    seconds = time.monotonic() - lost
    os.killpg(group[victim].pid, signal.SIGKILL)
    end([group[victim]])
    assert status == 1
    said = err.splitlines()[-1]
    assert said.startswith("error: another process of the run has ended or cannot be reached")
    assert "Continue with: python -m experiments.vlae_mnist" in said
    print(f"process {victim}, {kill.name}: the other one ended after {seconds:.1f} s")
    assert seconds < 60  # a promise of the README, and no matter of the machine's speed
    return workdir


@pytest.mark.parametrize("victim", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_when_a_process_is_killed_the_other_says_so_and_ends(tmp_path, victim):
    workdir = lose(tmp_path, signal.SIGKILL, victim)
    done = small_runs.run([*RUN[2:], "--workdir", str(workdir), "--resume"])
    assert done.returncode == 0, done.stderr
    assert "continuing on 1 device, where 2 processes with 1 device each began" in done.stdout
    assert train.Checkpoints(workdir / "checkpoints").steps()[-1] == 3 * small_runs.EPOCH


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_when_a_process_freezes_the_other_says_so_and_ends(tmp_path, victim):
    lose(tmp_path, signal.SIGSTOP, victim)


@pytest.mark.slow
def test_several_processes_go_on_with_what_one_left(tmp_path):
    """And with another number of them once more; what changes is said."""
    workdir = tmp_path / "run"
    alone = small_runs.start([*RUN[2:], "--workdir", str(workdir)])
    wait_for_checkpoint(workdir, [alone])
    alone.send_signal(signal.SIGTERM)
    assert end([alone])[0][0] == 128 + signal.SIGTERM
    (status, out, err), *_ = end(start_run(workdir, "--resume"))
    assert status == 0, err
    assert "continuing on 2 processes with 1 device each, where 1 device began" in out
    assert train.Checkpoints(workdir / "checkpoints").steps()[-1] == 3 * small_runs.EPOCH


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_waits_for_the_others_ends_at_once(tmp_path, number):
    port = free_port()
    joint = f"--coordinator localhost:{port} --processes 2 --process 0".split()
    process = start_one([*RUN, "--workdir", str(tmp_path / "run"), *joint])
    deadline = time.monotonic() + small_runs.PATIENCE
    while not listens(port):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    ((status, _, err),) = end([process], patience=60)
    assert (status, err.splitlines()[-1]) == (128 + number, f"error: stopped by {number.name}.")
    assert not (tmp_path / "run").exists()


def test_processes_that_are_started_otherwise_are_refused(tmp_path):
    group = start_run(tmp_path / "run", lambda process: ["--seed", str(process)])
    for status, _, err in end(group):
        assert status == 2
        assert err == "error: all processes must be started alike, but they differ in --seed.\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_processes_need_a_directory_that_all_see(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    group = start_run(
        "unused", lambda process: ["--workdir", str(elsewhere if process else tmp_path) + "/run"]
    )
    for status, _, err in end(group):
        assert status == 2
        assert err.startswith("error: all processes must see the same --workdir, but process 1 does not see")
    assert list(tmp_path.iterdir()) == [elsewhere]


def test_a_signal_to_one_process_stops_all_of_a_job_of_slurm(tmp_path):
    workdir = tmp_path / "run"
    job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    own = [job | {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": n, "SLURM_LOCALID": n} for n in "01"]
    group = [start_one([*RUN, "--workdir", str(workdir)], variables) for variables in own]
    wait_for_checkpoint(workdir, group)
    group[1].send_signal(signal.SIGTERM)
    for status, _, err in end(group):
        assert status == 128 + signal.SIGTERM
        assert err.splitlines()[-1].startswith(
            "error: stopped by SIGTERM; the state is saved. Continue with:"
        )
    assert json.loads((workdir / "config.json").read_text())["environment"]["processes"] == 2
