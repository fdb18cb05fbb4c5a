"""Train steps of all experiments, compiled for TPU v5e chips that need not be there: `pytest -m tpu`.

On one chip they are the default ones, whose memory counts; on four they are small.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.tpu,
    pytest.mark.skipif(find_spec("libtpu") is None, reason='needs libtpu: pip install -e ".[tpu]"'),
]

MODELS = ("vlae_mnist", "vae_losses_mnist", "conv_vae_mnist", "winged_horses", "aae", "vaegan")

MOST = {
    ("vlae_mnist", "jit"): {"all-reduce": 16, "all-gather": 7},
    ("vlae_mnist", "pmap"): {"all-reduce": 16, "all-gather": 2},
    ("vae_losses_mnist", "jit"): {"all-reduce": 2},
    ("vae_losses_mnist", "pmap"): {"all-reduce": 2},
    ("conv_vae_mnist", "jit"): {"all-reduce": 2},
    ("conv_vae_mnist", "pmap"): {"all-reduce": 2},
    ("winged_horses", "jit"): {"all-reduce": 10},
    ("winged_horses", "pmap"): {"all-reduce": 10},
    ("aae", "jit"): {"all-reduce": 10},
    ("aae", "pmap"): {"all-reduce": 10},
    ("vaegan", "jit"): {"all-reduce": 12, "all-gather": 6, "all-to-all": 6, "collective-permute": 25},
    ("vaegan", "pmap"): {"all-reduce": 10},
}
"""Collectives of a step of the small programs on four chips, at most; other kinds must not be there."""


CHIPS = {
    "default": ("jit:1",),
    "small": ("jit:4", "pmap:4"),
    "whole": ("jit:1",),
    "parts": ("jit:1",),
    "again": ("jit:1",),
}
"""Modes and numbers of chips that programs of each size are compiled for."""


@pytest.fixture(scope="module")
def compiled():
    """`(model, size)` to what is compiled of it by mode and number of chips; two at a time, in the order of MODELS."""
    with ThreadPoolExecutor(2) as pool:
        wanted = [
            *product(MODELS, ("default", "small")),
            *product(("winged_horses",), ("whole", "parts", "again")),
        ]
        jobs = {(model, size): pool.submit(compile_one, model, size) for model, size in wanted}
        yield lambda model, size: jobs[model, size].result()


def compile_one(model, size):
    # Neither this process's virtual devices nor its cheap programs; less effort than for a run, but the same steps.
    own = ("XLA_FLAGS", "JAX_DISABLE_MOST_OPTIMIZATIONS")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.tpu_programs", model, size, *CHIPS[size]],
        cwd=ROOT,
        env=environment | {"JAX_OPTIMIZATION_LEVEL": "O0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(CHIPS[size], map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("model", MODELS)
def test_it_compiles_for_one_and_four_chips_in_both_modes(model, compiled):
    rows = [found["row"] for size in ("default", "small") for found in compiled(model, size).values()]
    assert [(row["devices"], row["mode"]) for row in rows] == [(1, "jit"), (4, "jit"), (4, "pmap")]
    assert {row["platform"] for row in rows} == {"tpu"}
    assert min(row["flops"] for row in rows) > 0


@pytest.mark.parametrize("model", MODELS)
def test_it_fits_at_the_defaults(model, compiled):
    row = compiled(model, "default")["jit:1"]["row"]
    data = {"winged_horses": 105_000 * 96 * 96 * 3, "vaegan": 162_770 * 64 * 64 * 3}.get(
        model, 60_000 * 28 * 28
    )
    assert row["argument_bytes"] > data, "the data set lies on the device"
    assert row["argument_bytes"] + row["temporary_bytes"] + row["output_bytes"] < 16e9


@pytest.mark.parametrize("model", MODELS)
def test_nothing_has_64_bits_and_nothing_goes_to_the_host(model, compiled):
    for found in [found for size in ("default", "small") for found in compiled(model, size).values()]:
        assert {"f32", "u8"} <= set(found["types"]) <= {"f32", "bf16", "pred", "s32", "u32", "u16", "u8"}
        assert found["transfers"] == {}


@pytest.mark.parametrize("mode", ["jit", "pmap"])
@pytest.mark.parametrize("model", MODELS)
def test_chips_exchange_gradients_and_little_else(model, mode, compiled):
    found = compiled(model, "small")[f"{mode}:4"]
    collectives, most = found["row"]["collectives"], MOST[model, mode]
    assert set(collectives) <= set(most)
    assert {kind: of["count"] for kind, of in collectives.items() if of["count"] > most[kind]} == {}
    # Each gradient once; the encoder of the adversarial autoencoder has two.
    assert 1 <= collectives["all-reduce"]["bytes"] / found["parameter_bytes"] < 1.6


@pytest.mark.parametrize("model", MODELS)
def test_a_chip_by_itself_exchanges_nothing(model, compiled):
    assert compiled(model, "default")["jit:1"]["row"]["collectives"] == {}


@pytest.mark.parametrize(("size", "share"), [("parts", 0.5), ("again", 0.9)])
def test_parts_and_activations_computed_again_need_less_memory(size, share, compiled):
    whole, less = (compiled("winged_horses", name)["jit:1"]["row"] for name in ("whole", size))
    assert less["argument_bytes"] == whole["argument_bytes"]
    assert less["temporary_bytes"] < share * whole["temporary_bytes"]
    assert 0.9 < less["flops"] / whole["flops"] < 1.6, "operations of all parts count"
