"""Replicas spread over (virtual) devices, of a small ladder and of a toy."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae import losses, models, train
from jaxvae.data import Resident, Streamed, from_arrays

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 1), np.uint8)
SET = from_arrays(IMAGES, np.full(10, -1), name="noise")
SOURCE = Resident(SET, batch_size=5)
REPLICAS = [train.Replica(f"{kl}", seed, {"kl": kl}) for kl in (0.5, 1.0) for seed in (0, 1)]
MODEL = models.VAE((8, 8, 1), 2, (3,))
COLLECTIVE = re.compile(r"all-(reduce|gather|to-all)|collective|reduce-scatter|(send|recv)\(")


def recipe(source=SOURCE, epochs=2):
    terms = {"bce": losses.reconstruction("bernoulli"), "kl": losses.kl(models.standard_priors(MODEL))}
    objective = losses.compose(terms, dict.fromkeys(terms, 1.0))
    subtrees = tuple(jax.eval_shape(lambda: models.init(jax.random.key(0), MODEL))["params"])
    return train.Recipe(
        init=lambda key: models.init(key, MODEL),
        losses=train.one_player("vae", MODEL, objective),
        players={"vae": train.Player(subtrees, optax.adam(1e-3))},
        source=source,
        evaluate=lambda variables, replica: {},
        epochs=epochs,
    )


def final(workdir, parallel, source=SOURCE):
    record = {"experiment": "toy", "config": {}, "data": {}}
    state = train.run(
        REPLICAS, recipe(source), workdir=train.Workdir(workdir), record=record, parallel=parallel
    )
    metrics = (workdir / "metrics.jsonl").read_text()
    return jax.tree.leaves((state.params, state.model_state, state.opt_state, state.step)), metrics


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return final(tmp_path_factory.mktemp("alone"), train.Parallel())


@pytest.mark.parametrize(
    ("devices", "source"),
    [(2, SOURCE), (4, Streamed(SET, batch_size=5))],
    ids=["two for each", "one for each, streamed"],
)
def test_replicas_on_several_devices_are_those_of_one(alone, tmp_path, devices, source):
    leaves, metrics = final(tmp_path, train.ReplicaParallel(devices=devices), source)
    jax.tree.map(np.testing.assert_array_equal, leaves, alone[0])
    assert metrics == alone[1]


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
def test_devices_do_not_communicate(monkeypatch, platform):
    """And each has its own replicas, also where they are trained side by side."""
    monkeypatch.setattr(train.Parallel, "platform", platform)
    parallel, own = train.ReplicaParallel(devices=2), recipe()
    program = parallel.compile_epoch(own.step, SOURCE, length=2)
    state = parallel.place(train.init_replicas(REPLICAS, own.init, own.players))
    assert {shard.data.shape[0] for shard in jax.tree.leaves(state.params)[0].addressable_shards} == {2}
    given = state, parallel.place(program.order(state.key, state.step)), parallel.place(SOURCE.arrays)
    count = np.int32(2)
    text = program.lower(*parallel.shapes(given), count).compile().as_text()
    assert not COLLECTIVE.search(text)
    assert "while" in text
    after, metrics = program.chunk(*given, count)
    assert metrics["loss"].shape == (4, 2)
    assert after.step.sharding.is_equivalent_to(state.step.sharding, 1)


def test_replicas_that_devices_cannot_share_evenly_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"divisible by .*, got 4 over 3 devices"):
        final(tmp_path / "run", train.ReplicaParallel(devices=3))
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="between 1 and the 8"):
        train.ReplicaParallel(devices=9)
    with pytest.raises(ValueError, match="by 'jit', got 'pmap'"):
        train.ReplicaParallel("pmap", 2)


def test_batches_need_not_be_divisible():
    train.ReplicaParallel(devices=4).check(SOURCE)
    assert jnp.shape(SOURCE.order(jax.random.key(0))) == (2, 5)
