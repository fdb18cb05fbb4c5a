import dataclasses

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from benchmarks import hlo
from benchmarks.contestants import Contestant
from benchmarks.networks import make_images
from benchmarks.ours import Ours, matmul_rate, training
from benchmarks.workloads import WORKLOADS

SMALL = dataclasses.replace(
    WORKLOADS["conv"], image_shape=(12, 12, 3), widths=(4, 4), latent_sizes=(2,), batch_size=8
)


def contestant(**given):
    common = {"side": "ours", "model": "conv", "batch_size": 8, "precision": "float32", "device": "cpu"}
    return Contestant(**{**common, "threads": 1, **given})


@pytest.fixture
def _precision():
    """What a process of the benchmark sets once and for all."""
    before = jax.config.jax_default_matmul_precision
    yield
    jax.config.update("jax_default_matmul_precision", before)


@pytest.mark.parametrize("replicas", [1, 2])
def test_training_goes_on_over_the_ends_of_epochs_and_chunks(replicas):
    player = Ours(contestant(replicas=replicas), make_images(SMALL, examples=26), SMALL)
    before = jax.device_get(player._state.params)
    assert player.run(2) > 0
    player.run(5)
    assert player._state.step.tolist() == [7] * replicas
    changed = jax.tree.map(lambda a, b: np.any(a != b), before, jax.device_get(player._state.params))
    assert all(jax.tree.leaves(changed))
    assert player.peak_memory() is None


def test_a_step_on_a_cpu_copies_no_parameters(monkeypatch):
    # JAX describes arguments by states that hold no arrays.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    setup = training(contestant(), make_images(SMALL, examples=16), SMALL)
    order, arrays = setup.program.order(setup.state.key, setup.state.step), setup.source.arrays
    program = setup.program.lower(setup.state, order, arrays, jnp.int32(1)).compile()
    kernels = {leaf.shape[1:] for leaf in jax.tree.leaves(setup.state.params) if leaf.size > 100}
    copied = {
        array.dims
        for each in hlo.parse(program.as_text()).step
        if each.instruction.opcode == "copy"
        for array in each.instruction.results
    }
    assert not kernels & copied


@pytest.mark.parametrize("name", ["aae", "vaegan", "vaegan_penalty"])
def test_every_player_of_a_game_moves(name):
    game = dataclasses.replace(WORKLOADS[name].game, widths=(4, 4), hidden=4, feature_layer=2)
    workload = dataclasses.replace(
        WORKLOADS[name], image_shape=(12, 12, 3), widths=(4, 4), latent_sizes=(2,), game=game
    )
    player = Ours(contestant(), make_images(workload, examples=16), workload)
    before = jax.device_get(player._state.params)
    assert player.run(2) > 0
    changed = jax.tree.map(lambda a, b: np.any(a != b), before, jax.device_get(player._state.params))
    assert set(changed) == {"encoder", "decoder", "discriminator"}
    assert all(jax.tree.leaves(changed))


@pytest.mark.parametrize(
    ("precision", "products"),
    [("float32", "highest"), ("tensorfloat32", "tensorfloat32"), ("bfloat16", None)],
)
@pytest.mark.usefixtures("_precision")
def test_an_accelerator_multiplies_as_it_is_told(precision, products):
    player = Ours(contestant(device="gpu", precision=precision), make_images(SMALL, examples=16), SMALL)
    assert jax.config.jax_default_matmul_precision == products
    assert player.run(2) > 0
    assert 1e6 < matmul_rate(precision, "gpu", 64, 2) < 1e15
