import json
import shutil

import jax
import pytest

import jaxvae
from jaxvae import cli, models, study
from jaxvae.types import RunStopped

MODEL = models.DropoutVAE((8, 8, 3), (2,), (4,))
VARIABLES = models.init(jax.random.key(0), MODEL)
PROTOCOL = {"images": 4}


class Counted(study.Measuring):
    """Counts how often it measures."""

    measured = 0

    def measure(self, run):
        self.measured += 1
        return {"bce": float(run.seed), "mse": float("nan")}


@pytest.fixture
def measure(tmp_path):
    flags = {"data": "drawn", "image_size": 8, "limit": 4, "batch_size": 2}
    experiment = study.Experiment.open("toy", cli.RunConfig(workdir=tmp_path / "run", **flags))
    experiment.workdir.open({"experiment": "toy", "config": {}}, resume=False, overwrite=False)
    return Counted(experiment, PROTOCOL)


def run(seed):
    return jaxvae.Run(MODEL, VARIABLES, config={"experiment": "toy"}, variant="plain", seed=seed)


def measured(measure):
    """Seeds that are measured anew."""
    before, anew = measure.measured, []
    for seed in (0, 1, 2):
        assert measure(run(seed))["bce"] == seed
        if measure.measured > before:
            anew.append(seed)
        before = measure.measured
    return anew


def without_metrics(line):
    return json.dumps({k: v for k, v in json.loads(line).items() if k != "metrics"}).encode()


DAMAGES = {
    "half a line": lambda line: line[:30],
    "zeros": lambda line: bytes(len(line)),
    "no UTF-8": lambda line: line.replace(b"plain", b"pl\xffin"),
    "no metrics": without_metrics,
    "metrics that are no object": lambda line: json.dumps(json.loads(line) | {"metrics": [3]}).encode(),
    "metrics that are no numbers": lambda line: json.dumps(
        json.loads(line) | {"metrics": {"bce": "1"}}
    ).encode(),
    "no object": lambda line: b"[]",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_measured_again_and_only_that(measure, damage):
    assert measured(measure) == [0, 1, 2]
    assert measured(measure) == []
    path = measure.experiment.workdir.measures
    first, second, third = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, damage(second), third, b""]))
    assert measured(measure) == [1]
    assert measured(measure) == []
    path.write_bytes(b"\n".join([first, second, third[:20]]))
    assert len(measured(measure)) == 1


def test_nothing_is_measured_into_a_directory_that_is_gone(measure):
    shutil.rmtree(measure.experiment.workdir.path)
    with pytest.raises(RunStopped, match="deleted or moved"):
        measure(run(0))
    assert not measure.experiment.workdir.path.exists()
