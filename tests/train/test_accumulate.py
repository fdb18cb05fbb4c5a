"""Batches in parts: the numbers of whole batches."""

import re
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae import losses, models, train
from jaxvae.data import Resident, add_noise, from_arrays
from jaxvae.train.step import make_step
from jaxvae.types import Batch

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)
SOURCE = Resident(from_arrays(IMAGES, np.full(12, -1), name="noise"), batch_size=8, remainder="pad")
STEPS = SOURCE.steps_per_epoch
MODEL = models.DropoutVAE((8, 8, 1), (2,), (4,), layout=models.layout("chwn"))
assert STEPS == 2, "a full batch and one that is half padding"


def recipe(**options):
    """A training with noise of every kind: on images, in dropout and in codes, and a learning rate that shows."""
    priors = models.standard_priors(MODEL)
    terms = {"bce": losses.reconstruction("bernoulli"), "kl": losses.kl(priors, method="monte_carlo")}
    objective = losses.compose(terms, dict.fromkeys(terms, 1.0))
    subtrees = tuple(jax.eval_shape(lambda: models.init(jax.random.key(0), MODEL))["params"])

    def corrupt(key, image, index):
        return add_noise(key, image, index, stddev=0.3)

    return train.Recipe(
        init=lambda key: models.init(key, MODEL),
        losses=train.one_player("vae", MODEL, objective, corrupt=corrupt),
        players={"vae": train.Player(subtrees, optax.chain(optax.trace(0.0), optax.sgd(1e-2)))},
        source=SOURCE,
        evaluate=lambda variables, replica: {},
        epochs=1,
        **options,
    )


@cache
def outcome(mode="jit", devices=1, **options):
    """After an epoch: metrics, parameters, and the gradient that came last."""
    own, parallel = recipe(**options), train.Parallel(mode, devices)
    program = parallel.compile_epoch(own.step, SOURCE, length=STEPS)
    replicas = [train.Replica("toy", seed, {}) for seed in range(2)]
    state = parallel.place(train.init_replicas(replicas, own.init, own.players))
    order = parallel.place(program.order(state.key, state.step))
    state, metrics = program.chunk(state, order, parallel.place(SOURCE.arrays), np.int32(STEPS))
    found = jax.tree.leaves_with_path((metrics, state.params, state.opt_state))
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in found}


@pytest.mark.parametrize(
    ("mode", "devices", "options"),
    [
        ("jit", 1, {"accumulate": 2}),
        ("jit", 1, {"accumulate": 8}),
        ("jit", 2, {"accumulate": 4}),
        ("pmap", 2, {"accumulate": 2}),
    ],
    ids=str,
)
def test_the_numbers_are_those_of_the_whole_batch(mode, devices, options):
    expected, actual = outcome(), outcome(mode, devices, **options)
    assert set(actual) == set(expected)
    for path, value in expected.items():
        rounding = 1e-6 + 1e-5 * np.abs(value).max()
        np.testing.assert_allclose(actual[path], value, rtol=1e-4, atol=rounding, err_msg=path)


def test_parts_count_by_their_examples_and_statistics_pass_through_all():
    """Of two players, one of whom moves what the other owns."""

    def game(inputs):
        x, mask = inputs.batch.image[:, 0, 0, 0], inputs.batch.mask
        mean = jnp.sum(mask * x) / jnp.maximum(jnp.sum(mask), 1)
        seen = inputs.model_state["seen"] + jnp.sum(mask)
        values = {"one": mean * inputs.params["a"], "other": mean * (inputs.params["a"] + inputs.params["b"])}
        return values, ({"seen": seen}, {"mean": mean})

    players = {
        "one": train.Player(("a",), optax.sgd(1.0)),
        "other": train.Player(("b",), optax.sgd(0.1), (), ("a",)),
    }
    image, mask = jnp.arange(6.0).reshape(6, 1, 1, 1), jnp.array([1.0, 1, 1, 0, 0, 1])
    batch = Batch(image, jnp.full(6, -1), mask, jnp.arange(6))
    variables = {"params": {"a": jnp.ones(()), "b": jnp.ones(())}, "seen": jnp.zeros(())}
    for parts in (1, 2, 3, 6):
        state = train.init_state(jax.random.key(0), variables, players)
        state, metrics = jax.jit(make_step(game, players, accumulate=parts))(state, batch)
        assert float(state.model_state["seen"]) == 4
        assert float(metrics["mean"]) == pytest.approx(2)
        assert float(metrics["grad_norm_other"]) == pytest.approx(np.sqrt(8))
        assert float(state.params["a"]) == pytest.approx(1 - 2 - 0.2)
        assert float(state.params["b"]) == pytest.approx(1 - 0.2)


@pytest.mark.parametrize(
    ("parallel", "accumulate", "message"),
    [
        (train.Parallel(), 3, "8 examples cannot be cut into 3"),
        (train.Parallel("jit", 2), 8, "on each of 2 devices, but 8 examples cannot be cut into 16"),
    ],
)
def test_unequal_parts_are_refused_before_anything_is_written(tmp_path, parallel, accumulate, message):
    workdir = train.Workdir(tmp_path / "run")
    replicas = [train.Replica("toy", 0, {})]
    for go in (
        lambda *given, **place: train.run(*given, workdir=workdir, record={}, **place),
        train.estimate,
    ):
        with pytest.raises(ValueError, match=message):
            go(replicas, recipe(accumulate=accumulate), parallel=parallel)
    assert not workdir.path.exists()
    with pytest.raises(ValueError, match="at least 1 part, got 0"):
        make_step(recipe().losses, recipe().players, accumulate=0)


def test_images_are_cut_without_a_tensor_of_five_axes():
    """Which a TPU pads to many times its size: four parts of 4,096 images would need more than they save."""

    def mean(inputs):
        return {"one": inputs.params["a"] * jnp.mean(inputs.batch.image)}, ({}, {})

    players = {"one": train.Player(("a",), optax.sgd(1.0))}
    batch = Batch(jnp.ones((6, 5, 4, 3)), jnp.full(6, -1), jnp.ones(6), jnp.arange(6))
    state = train.init_state(jax.random.key(0), {"params": {"a": jnp.ones(())}}, players)
    program = str(jax.make_jaxpr(make_step(mean, players, accumulate=2))(state, batch))
    assert "f32[3,5,4,3]" in program
    assert not re.findall(r"\[\d+(?:,\d+){4,}\]", program)
