import pytest
from small_runs import SMALL, Experiment
from tfds_stand_ins import prepared, stand_ins  # noqa: F401


@pytest.fixture(scope="session")
def experiment(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="session")
def finished(experiment, tmp_path_factory):
    """An uninterrupted run: its directory and what the process said."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    done = experiment.run(f"{SMALL} --workdir {workdir}")
    assert done.returncode == 0, done.stderr
    return workdir, done
