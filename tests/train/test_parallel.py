"""A small ladder with the real losses, assembled as the experiments do it, on several (virtual) devices."""

from contextlib import contextmanager
from functools import cache, partial

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from statistics_of_a_batch import near_statistics

from jaxvae import losses, models, train
from jaxvae.data import Resident, from_arrays

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 12, 12, 1), np.uint8)
SOURCE = Resident(from_arrays(IMAGES, np.full(20, -1), name="noise"), batch_size=8, remainder="pad")
STEPS = 3
assert SOURCE.steps_per_epoch == STEPS, "two full batches and one that is half padding"

# The trace of decay 0 holds the gradient that came last.
OPTIMIZER = optax.chain(optax.trace(0.0), optax.sgd(1e-3))


def ladder(layout):
    return models.VLAE((12, 12, 1), (2, 3), (3, 4), 6, layout=models.layout(layout))


def one_call(program):
    """Steps of a program, each call of which draws the order of its epoch anew."""
    return partial(_call, program)


def _call(program, state, arrays, count):
    return program.chunk(state, program.order(state.key, state.step), arrays, count)


def make(mode="jit", devices=1, layout="chwn"):
    """Compiled steps, initial state of two replicas that differ in seed and SSIM weight, images, placement."""
    return _make(mode, devices, layout)


@cache
def _make(mode, devices, layout):
    parallel = train.Parallel(mode, devices)
    model = ladder(layout)
    priors = models.standard_priors(model)
    terms = {
        "reconstruction": losses.reconstruction("bernoulli"),
        "ssim_loss": losses.ssim_loss(),
        "mmd": losses.mmd(priors, losses.dimension_rbf(power=1)),
        "kl": losses.kl(priors),
    }
    objective = losses.compose(terms, dict.fromkeys(terms, 1.0) | {"mmd": 10.0})
    player = train.Player(tuple(variables()["params"]), OPTIMIZER)
    step = train.make_step(
        train.one_player("ladder", model, objective),
        {"ladder": player},
        ema_decay=0.9,
    )
    options = models.layout(layout).compiler_options
    chunk = one_call(parallel.compile_epoch(step, SOURCE, length=STEPS, compiler_options=options))

    def one(seed, weight):
        return train.init_state(
            jax.random.key(seed), variables(), {"ladder": player}, hyper={"ssim_loss": weight}, ema=True
        )

    def fresh():
        return parallel.place(jax.vmap(one)(jnp.arange(2), jnp.array([0.0, 30.0])))

    return chunk, fresh, parallel.place(SOURCE.arrays), parallel


@cache
def variables():
    rng = np.random.default_rng(1)

    def draw(path, leaf):
        values = (
            rng.normal(0, 0.3, leaf.shape) if path[-1].key == "kernel" else rng.uniform(0.5, 1, leaf.shape)
        )
        return jnp.asarray(values, jnp.float32)

    model, key = ladder("native"), jax.random.key(0)
    drawn = jax.tree.map_with_path(draw, jax.eval_shape(partial(models.init, model=model), key))
    images = jnp.asarray(IMAGES, jnp.float32) / 255
    step = jax.jit(partial(model.apply, train=True, mutable=["batch_stats"]))
    return near_statistics(drawn, step(drawn, key, images, jnp.arange(len(images)))[1])


@cache
def outcome(mode="jit", devices=1, layout="chwn"):
    """After an epoch: every metric of every step, gradients, parameters and statistics, by path."""
    chunk, fresh, arrays, _ = make(mode, devices, layout)
    return after_an_epoch(chunk, fresh, arrays)


def after_an_epoch(chunk, fresh, arrays):
    state, metrics = chunk(fresh(), arrays, jnp.int32(STEPS))
    return by_path({"metrics": metrics, **vars(state)})


def by_path(tree):
    tree = tree | {"key": jax.random.key_data(tree["key"])}
    return {jax.tree_util.keystr(path): np.asarray(x) for path, x in jax.tree.leaves_with_path(tree)}


def assert_close(actual, expected):
    assert set(actual) == set(expected)
    for path, value in expected.items():
        rounding = 1e-6 + 1e-5 * np.abs(value).max()
        np.testing.assert_allclose(actual[path], value, rtol=1e-4, atol=rounding, err_msg=path)


@contextmanager
def compilations():
    """Counts the programs that XLA compiles."""
    counted = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            counted.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield counted
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize(
    ("mode", "devices", "layout"),
    [
        ("jit", 2, "chwn"),
        ("jit", 8, "chwn"),
        ("pmap", 1, "chwn"),
        ("pmap", 2, "chwn"),
        ("pmap", 8, "chwn"),
        ("jit", 2, "native"),
        ("pmap", 2, "native"),
    ],
)
def test_any_number_of_devices_gives_the_same_numbers(mode, devices, layout):
    assert_close(outcome(mode, devices, layout), outcome())


@pytest.mark.parametrize(("mode", "devices"), [("jit", 1), ("jit", 2), ("pmap", 2)])
def test_replicas_side_by_side_are_replicas_one_after_the_other(monkeypatch, mode, devices):
    with monkeypatch.context() as accelerator:
        accelerator.setattr(train.Parallel, "platform", "gpu")
        chunk, fresh, arrays, _ = _make.__wrapped__(mode, devices, "native")
    (program,), state = chunk.args, fresh()
    order = program.order(state.key, state.step)
    assert "scan" not in str(jax.make_jaxpr(program.chunk)(state, order, arrays, jnp.int32(STEPS)))
    assert_close(after_an_epoch(chunk, fresh, arrays), outcome())


def test_the_comparison_sees_every_quantity():
    paths = " ".join(outcome())
    for name in ("loss", "reconstruction", "ssim_loss_weighted", "mmd", "kl", "grad_norm_ladder"):
        assert f"['metrics']['{name}']" in paths
    for name in ("['batch_stats']", "['params']", "['ema']", ".trace", "['step']"):
        assert name in paths
    assert np.all(outcome()["['metrics']['mmd']"] != 0)
    first, second = outcome()["['metrics']['loss']"]
    assert not np.any(first == second)


@pytest.mark.parametrize(("mode", "devices"), [("jit", 1), ("jit", 2), ("pmap", 2)])
def test_further_chunks_compile_nothing(mode, devices):
    chunk, fresh, arrays, _ = make(mode, devices)
    state, _ = chunk(fresh(), arrays, jnp.int32(1))
    count = jnp.int32(2)
    with compilations() as counted:
        state, _ = chunk(state, arrays, count)
        state, _ = chunk(state, arrays, count)
    assert counted == []
    with compilations() as counted:
        jax.jit(lambda x: x + 1)(count)
    assert counted


@pytest.mark.parametrize(("mode", "devices"), [("jit", 1), ("jit", 2), ("pmap", 2)])
def test_the_state_is_donated(mode, devices):
    """So that no step copies it: its memory becomes that of the next one."""
    chunk, fresh, arrays, parallel = make(mode, devices)
    (program,), state = chunk.args, fresh()
    given = parallel.shapes(
        (state, jax.eval_shape(program.rows, state.key, state.step), arrays, jnp.int32(1))
    )
    memory = program.lower(*given).compile().memory_analysis()
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(vars(state) | {"key": None})) // 2  # of two replicas
    assert memory.alias_size_in_bytes >= held


@pytest.mark.parametrize("mode", ["jit", "pmap"])
def test_a_saved_and_restored_training_is_the_uninterrupted_one(mode, tmp_path):
    chunk, fresh, arrays, parallel = make(mode, 2)
    state = fresh()
    history = []
    for count in (2, 1, 3):
        state, metrics = chunk(state, arrays, jnp.int32(count))
        history.append({name: np.asarray(values)[:, :count] for name, values in metrics.items()})
    checkpoints = train.Checkpoints(tmp_path)
    other, metrics = chunk(fresh(), arrays, jnp.int32(2))
    checkpoints.save(other)
    other, _ = checkpoints.restore(vars(fresh()))
    other = parallel.place(other)
    for count, before in zip((1, 3), history[1:], strict=True):
        other, metrics = chunk(other, arrays, jnp.int32(count))
        for name, values in before.items():
            np.testing.assert_array_equal(np.asarray(metrics[name])[:, :count], values)
    expected = by_path(vars(state))
    for path, value in by_path(vars(other)).items():
        np.testing.assert_array_equal(value, expected[path], err_msg=path)


@pytest.mark.parametrize(("first", "second"), [("native", "chwn"), ("chwn", "native")])
def test_a_checkpoint_of_one_layout_is_continued_in_the_other(first, second, tmp_path):
    chunk, fresh, arrays, _ = make(layout=first)
    state, _ = chunk(fresh(), arrays, jnp.int32(2))
    checkpoints = train.Checkpoints(tmp_path)
    checkpoints.save(state)
    chunk, fresh, arrays, parallel = make(layout=second)
    restored, _ = checkpoints.restore(vars(fresh()))
    state, _ = chunk(parallel.place(restored), arrays, jnp.int32(1))
    expected = {path: value for path, value in outcome().items() if "['metrics']" not in path}
    assert_close(by_path(vars(state)), expected)


def test_the_size_of_chunks_does_not_matter():
    chunk, fresh, arrays, _ = make()
    state, whole = chunk(fresh(), arrays, jnp.int32(3))
    parts, pieces = fresh(), []
    for count in (1, 2):
        parts, metrics = chunk(parts, arrays, jnp.int32(count))
        pieces.append(np.asarray(metrics["loss"])[:, :count])
        assert not np.any(np.asarray(metrics["loss"])[:, count:])
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole["loss"])
    expected = by_path(vars(state))
    for path, value in by_path(vars(parts)).items():
        np.testing.assert_array_equal(value, expected[path], err_msg=path)


def test_epochs_have_orders_of_their_own():
    def losses(inputs):
        metrics = {"first": inputs.batch.image[0, 0, 0, 0]}
        return {"all": jnp.sum(inputs.params["w"])}, (inputs.model_state, metrics)

    parallel, players = train.Parallel(), {"all": train.Player(("w",), optax.sgd(0.0))}
    chunk = one_call(parallel.compile_epoch(train.make_step(losses, players), SOURCE, length=STEPS))

    def one(seed):
        return train.init_state(jax.random.key(seed), {"params": {"w": jnp.zeros(1)}}, players)

    state, arrays, seen = jax.vmap(one)(jnp.arange(2)), parallel.place(SOURCE.arrays), []
    for _ in range(2):
        state, metrics = chunk(state, arrays, jnp.int32(STEPS))
        seen.extend(tuple(firsts) for firsts in metrics["first"].tolist())
    assert len(set(seen)) == 4


ORDERS = {
    0: [
        [[13, 4, 3, 10, 15, 9, 8, 6], [5, 19, 2, 7, 1, 11, 14, 17], [12, 16, 0, 18, -5, -6, -7, -8]],
        [[3, 8, 14, 12, 7, 18, 9, 11], [1, 15, 5, 19, 6, 16, 17, 0], [13, 2, 4, 10, -5, -6, -7, -8]],
    ],
    3: [
        [[4, 14, 6, 10, 18, 16, 17, 9], [13, 2, 12, 3, 0, 15, 19, 5], [1, 7, 11, 8, -5, -6, -7, -8]],
        [[18, 13, 11, 4, 17, 9, 2, 6], [1, 16, 3, 15, 14, 7, 12, 0], [10, 8, 5, 19, -5, -6, -7, -8]],
    ],
}
"""Of two replicas by step, as runs have drawn them that may be resumed."""


@pytest.mark.parametrize("step", ORDERS)
@pytest.mark.parametrize("mode", ["jit", "pmap"])
@pytest.mark.parametrize("host", [True, False], ids=["host", "no host"])
def test_orders_stay_what_they_were_with_and_without_a_cpu(monkeypatch, host, mode, step):
    if not host:
        found = {None: jax.local_devices()}
        monkeypatch.setattr(jax, "local_devices", lambda *, backend=None: _known(found, backend))
    parallel = train.Parallel(mode, 2, tuple(jax.devices()[2:]))
    program = parallel.compile_epoch(lambda state, batch: (state, {}), SOURCE, length=STEPS)
    key, steps = parallel.place((jax.vmap(jax.random.key)(jnp.arange(2)), jnp.full(2, step)))
    np.testing.assert_array_equal(program.order(key, steps), ORDERS[step])


def _known(devices, platform):
    """As JAX does where it is told to leave out a platform."""
    if platform not in devices:
        raise RuntimeError(f"Unknown backend {platform}")
    return devices[platform]


def test_a_batch_that_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match="divisible by the number of devices, got 8 over 3 devices"):
        train.Parallel("jit", 3).compile_epoch(lambda state, batch: (state, {}), SOURCE, length=1)


@pytest.mark.parametrize("devices", [0, -1, 9])
def test_devices_that_are_not_there_are_refused(devices):
    with pytest.raises(ValueError, match=rf"between 1 and the 8 cpu device\(s\) .*, got {devices}"):
        train.Parallel("jit", devices)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="must be 'jit' or 'pmap', got 'mpi'"):
        train.Parallel("mpi")


def test_replicas_are_mapped_over_the_first_argument_alone():
    summed = train.map_replicas(lambda state, shared: state + shared.sum())
    np.testing.assert_array_equal(summed(jnp.arange(3.0), jnp.ones(4)), [4, 5, 6])


def test_a_single_replica_is_not_mapped():
    def shown(state, shared):
        assert state.shape == ()  # with no axis to be mapped over
        return state + shared.sum(), {"metric": state}

    program = jax.make_jaxpr(train.map_replicas(shown))(jnp.ones(1), jnp.ones(4))
    assert not {str(each.primitive) for each in program.eqns} & {"scan", "while"}
    total, metrics = train.map_replicas(shown)(jnp.ones(1), jnp.ones(4))
    np.testing.assert_array_equal(total, [5])
    np.testing.assert_array_equal(metrics["metric"], [1])
