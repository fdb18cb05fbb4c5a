"""Train steps compiled for NVIDIA GPUs that need not be there, with the extra `aot`."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    find_spec("jax_cuda12_plugin") is None, reason='needs JAX\'s CUDA plugin: pip install -e ".[aot]"'
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A step of three replicas on one GPU and on four."""
    file = tmp_path_factory.mktemp("compiled") / "gpu.json"
    own = ("XLA_FLAGS", "JAX_DISABLE_MOST_OPTIMIZATIONS")
    arguments = f"--platform gpu --devices 1 4 --model conv_vae_mnist --out {file}".split()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.compiled", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())["rows"]


def test_each_replicas_convolutions_are_the_librarys_three_kernels(rows):
    """Two up and two down: no gradient is needed of the first one's images."""
    for row in rows:
        kinds = {name: count for name, count in row["kinds"].items() if name.startswith("cuDNN")}
        replicas = row["replicas"]
        assert replicas > 1
        assert kinds == {
            "cuDNN forward": 4 * replicas,
            "cuDNN backward filter": 4 * replicas,
            "cuDNN backward input": 3 * replicas,
        }


def test_each_device_computes_its_own_share(rows):
    one, four = rows
    assert four["flops"] == pytest.approx(one["flops"] / 4, rel=0.02)
    assert set(four["collectives"]) == {"all-reduce"}
