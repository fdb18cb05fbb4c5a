import fcntl
import json
import os
import subprocess
import sys

import pytest
import small_runs
from tfds_stand_ins import prepared, stand_ins  # noqa: F401

from experiments import vlae_mnist


@pytest.fixture(autouse=True)
def _bfloat16_is_as_fast(monkeypatch):
    """As it is not everywhere; where it is not, the warning of it would be an error."""
    rates = {"float32": 1e11, "bfloat16": 1e11}
    monkeypatch.setattr(sys.modules["jaxvae.cli.launch"], "product_rates", lambda: rates)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """An uninterrupted process, started once for all of pytest's workers: its directory and what it said."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    workdir, said = folder / "finished", folder / "finished.json"
    with (folder / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            done = small_runs.run(f"{small_runs.SMALL} --workdir {workdir}")
            said.write_text(json.dumps([done.args, done.returncode, done.stdout, done.stderr]))
    done = subprocess.CompletedProcess(*json.loads(said.read_text()))
    assert done.returncode == 0, done.stderr
    return workdir, done


@pytest.fixture
def launch(monkeypatch, capsys):
    """Runs vlae_mnist with these arguments in this process: its exit status and what it wrote to stdout and stderr."""

    def launch(arguments):
        status = small_runs.launch(vlae_mnist, monkeypatch, arguments)
        return status, *capsys.readouterr()

    return launch
