"""Runs that version 0.1.0 left are read, and their format is named where they cannot be continued.

`runs_0_1_0/ladder` was written by `experiments.vlae_mnist`, `runs_0_1_0/aae` by `experiments.vae_gan_hybrids aae`; the
expected pixels are what `jaxvae.load` of 0.1.0 made of them.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

import jaxvae
from jaxvae import cli, study

RUNS = Path(__file__).parent / "runs_0_1_0"


@pytest.mark.parametrize(
    ("run", "variant", "parameters", "pixel"),
    [
        ("ladder", "without SSIM", 729, 0.5278926),
        ("ladder", None, 729, 0.5279976),
        ("aae", "AAE, ring", 174, 0.6348397),
        ("aae", None, 178, 0.6343394),
    ],
)
def test_a_run_of_0_1_0_is_loaded_with_its_parameters(run, variant, parameters, pixel):
    loaded = jaxvae.load(RUNS / run, variant=variant)
    assert loaded.config["environment"]["jaxvae"] == "0.1.0"
    assert loaded.parameters == parameters
    assert loaded.matmul_precision == "default"
    height, width, _ = loaded.model.image_shape
    sample = np.asarray(loaded.sample(2, seed=0))
    assert sample[0, height // 2, width // 2, 0] == pytest.approx(pixel, abs=1e-6)


@pytest.mark.parametrize("run", ["ladder", "aae"])
def test_a_run_of_0_1_0_is_not_resumed_and_says_why_in_one_line(run, tmp_path):
    shutil.copytree(RUNS / run, tmp_path / "run")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    config = cli.RunConfig(workdir=tmp_path / "run", data="drawn", limit=20, batch_size=10, resume=True)
    with pytest.raises(
        ValueError, match=r"written by jaxvae 0\.1\.0 in another format, .* not resumed"
    ) as refusal:
        study.Experiment.open("any", config)
    assert "\n" not in str(refusal.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
