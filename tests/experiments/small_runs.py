"""Runs of an experiment, so small that most of their time is start-up and compilation.

A process is started where the process is the point: signals, a full disk, the number of devices. All else runs in the
process of the tests.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxvae import cli, train

ROOT = Path(__file__).parents[2]
PATIENCE = 300
"""Seconds that a run may take on a busy machine."""

SMALL = "--preset smoke --limit 240 --batch-size 4 --epochs 3 --hidden 16 --widths 4 4 --latent-sizes 2 2"
"""Sixty steps an epoch: two chunks, of 50 and of 10."""

EPOCH = 60


def start(arguments, *, experiment="vlae_mnist", prefix=(), devices=1, env=None, **options):
    """Starts `python -m experiments.EXPERIMENT` from the repository's root, as a user does.

    It takes compiled programs from the cache of the tests. An entry that a killed process has left half-written is
    compiled again without a word.

    Args:
        arguments: one string or a list.
        experiment: its name.
        prefix: command that starts Python.
        devices: that the process has.
        env: environment variables besides.
        **options: of the process.

    Returns:
        The process.
    """
    if isinstance(arguments, str):
        arguments = shlex.split(arguments)
    damaged = "ignore:Error {} persistent compilation cache"
    own = {
        "PYTHONIOENCODING": "utf-8",
        "PYTHONWARNINGS": f"{damaged.format('reading')},{damaged.format('writing')}",
        "XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}",
    }
    return subprocess.Popen(
        [*prefix, sys.executable, "-m", f"experiments.{experiment}", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"} | own | (env or {}),
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options,
    )


def run(arguments, **options):
    """Runs a process to the end."""
    return finish(start(arguments, **options))


def launch(experiment, monkeypatch, arguments):
    """Runs the main of an experiment's module in this process and returns the exit status."""
    if isinstance(arguments, str):
        arguments = shlex.split(arguments)
    monkeypatch.setattr(sys, "argv", [experiment.__name__, *arguments])
    with pytest.raises(SystemExit) as end:
        cli.launch(experiment.main, experiment.PRESETS, description=experiment.__doc__)
    return end.value.code


def finish(process, *, signal=None, when=None):
    """Waits for the end of a run, after sending it a signal as soon as a condition holds."""
    if signal is not None:
        until = time.monotonic() + PATIENCE
        while not when() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal)
    out, err = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def error_line(err):
    """The one line on stderr with which a run says what went wrong, after its progress bars."""
    (line,) = [line for line in err.splitlines() if line.startswith("error:")]
    assert err.endswith(f"{line}\n"), err
    assert "Traceback" not in err
    return line


def contents(directory):
    """Every file below a directory with its bytes."""
    return {str(f.relative_to(directory)): f.read_bytes() for f in directory.rglob("*") if f.is_file()}


def steps(workdir):
    """Steps of a run's checkpoints."""
    return train.Checkpoints(workdir / "checkpoints").steps()


def assert_same_state(workdir, other):
    """Compares the final states of two runs, bit for bit."""
    mine, others = (train.Checkpoints(path / "checkpoints").restore_tree() for path in (workdir, other))
    assert jax.tree.structure(mine) == jax.tree.structure(others)
    jax.tree.map(np.testing.assert_array_equal, mine, others)


def one_epoch_less(workdir, destination):
    """Copies a finished run and takes away its last epoch's checkpoint and its results."""
    shutil.copytree(workdir, destination)
    shutil.rmtree(destination / "checkpoints" / str(steps(workdir)[-1]))
    (destination / "results.json").unlink()
    (destination / "report.html").unlink()
    return destination
