"""What `--precision` and `--matmul-precision` do to an experiment.

In bfloat16 the network's products are narrow, all else is float32. How exactly float32 is multiplied is stated in every
product, since a CPU's numbers do not tell.
"""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_runs
from jax import lax

import jaxvae
from experiments import vlae_mnist
from jaxvae import train
from jaxvae.models.layouts import LAYOUTS

PRODUCTS = ("dot_general", "conv_general_dilated")
HIGHEST = (lax.Precision.HIGHEST,) * 2
LAYERS = 3 + 3 + 3 + 2 + 1 + 2 + 1
"""Stages, heads, top, merges, expansion, mirrored stages, logits of a ladder of three levels."""


class _StartedError(Exception):
    """The experiment has got as far as training."""


@pytest.fixture
def trace(monkeypatch, tmp_path):
    """The jaxpr of the experiment's first step, initial values included."""

    def trace(**flags):
        traced = []

        def run(replicas, recipe, **_):
            players, source = recipe.players, recipe.source
            step = train.make_step(recipe.losses, players)

            def first_step():
                state = train.init_replicas(replicas, recipe.init, players).replica(0)
                return step(state, source.batch(source.arrays, jnp.arange(12), jnp.arange(12)))

            traced.append(jax.make_jaxpr(first_step)())
            raise _StartedError

        monkeypatch.setattr(train, "run", run)
        model = vlae_mnist.ModelConfig(widths=(4, 4, 4), hidden=8)
        with pytest.raises(_StartedError):
            vlae_mnist.main(
                vlae_mnist.Config(workdir=tmp_path, model=model, limit=24, batch_size=12, **flags)
            )
        return traced[0]

    return trace


def products(jaxpr):
    """Every product in a jaxpr and in those that it calls: the types of its operands and its stated precision.

    Of branches by platform, the last one is that of CPUs and TPUs.
    """
    for equation in jaxpr.eqns:
        if equation.primitive.name in PRODUCTS:
            yield {str(v.aval.dtype) for v in equation.invars}, equation.params["precision"]
        called = equation.params.get("branches", [equation.params])[-1]
        for parameter in jax.tree.leaves(called, is_leaf=lambda p: hasattr(p, "eqns")):
            inner = getattr(parameter, "jaxpr", parameter)
            if hasattr(inner, "eqns"):
                yield from products(inner)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_networks_products_take_what_was_asked_for(trace, precision, layout):
    step = trace(precision=precision, layout=layout)
    network = [types for types, stated in products(step.jaxpr) if stated != HIGHEST]
    others = [types for types, stated in products(step.jaxpr) if stated == HIGHEST]
    # Flax draws initial values along a forward pass; then come value and both gradients, but for the image's.
    assert 4 * LAYERS - 1 <= len(network) <= 4 * LAYERS
    assert all(types == {precision} for types in network)
    assert others
    assert all(types == {"float32"} for types in others), "SSIM and the gradient's norm are not narrowed"
    floats = {str(aval.dtype) for aval in step.out_avals} & {"bfloat16", "float16", "float32"}
    assert floats == {"float32"}


def stated(step):
    return {tuple(map(str, precision)) for _, precision in products(step.jaxpr)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_flag_decides_how_exactly_all_products_are_computed(trace, layout):
    with jax.default_matmul_precision("high"):
        assert stated(trace(layout=layout)) == {("DEFAULT", "DEFAULT"), ("HIGHEST", "HIGHEST")}
    assert stated(trace(layout=layout, matmul_precision="high")) == {("HIGH", "HIGH"), ("HIGHEST", "HIGHEST")}
    assert stated(trace(layout=layout, matmul_precision="highest")) == {("HIGHEST", "HIGHEST")}


def test_all_that_a_command_computes_has_its_precision(monkeypatch, tmp_path):
    def main(config):
        assert jax.config.jax_default_matmul_precision == "highest"

    monkeypatch.setattr(vlae_mnist, "main", main)
    assert small_runs.launch(vlae_mnist, monkeypatch, "--matmul-precision highest") == 0
    assert jax.config.jax_default_matmul_precision is None


def test_a_run_in_bfloat16_trains_and_is_read_back(launch, tmp_path):
    workdir = tmp_path / "run"
    flags = "--limit 96 --batch-size 16 --epochs 1 --hidden 8 --widths 4 --latent-sizes 2"
    status, _, err = launch(
        f"--preset smoke {flags} --precision bfloat16 --matmul-precision high --workdir {workdir}"
    )
    assert status == 0, err
    (row, _) = json.loads((workdir / "results.json").read_text())["rows"]
    assert all(math.isfinite(value["mean"]) for value in row["metrics"].values())
    saved = train.Checkpoints(workdir / "checkpoints").restore_tree()
    floats = {np.asarray(leaf).dtype.name for leaf in jax.tree.leaves(saved["params"])}
    assert floats == {"float32"}
    config = json.loads((workdir / "config.json").read_text())["config"]
    assert (config["precision"], config["matmul_precision"]) == ("bfloat16", "high")
    assert "&quot;matmul_precision&quot;: &quot;high&quot;" in (workdir / "report.html").read_text()
    run = jaxvae.load(workdir)
    assert (run.model.layout.precision, run.matmul_precision) == ("bfloat16", "high")
