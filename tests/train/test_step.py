import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae.train import (
    TUNABLE,
    Player,
    Replica,
    StepInput,
    init_replicas,
    init_state,
    make_step,
    one_player,
    tunable,
)
from jaxvae.types import Batch

KEY = jax.random.key(0)
PARAMS = {
    "left": {"w": jnp.array([1.0, -2.0])},
    "right": {"w": jnp.array([0.5, 3.0])},
    "extra": jnp.array(2.0),
}
PLAYERS = {
    "min": Player(("left",), optax.sgd(0.1)),
    "max": Player(("right", "extra"), optax.sgd(0.01)),
}


@pytest.fixture
def batch():
    return Batch(
        image=jnp.full((2, 1, 1, 1), 0.5), label=jnp.zeros(2, int), mask=jnp.ones(2), index=jnp.arange(2)
    )


def values(params, shift):
    """Loss of each player; each depends on what the other one owns too."""
    x, y, c = params["left"]["w"], params["right"]["w"], params["extra"]
    product = jnp.sum(x * y)
    return {"min": product + 0.5 * jnp.sum(x**2) + shift, "max": c * jnp.sum(y**2) - product}


def game(inputs):
    losses = values(inputs.params, inputs.hyper["shift"])
    counted = {"seen": inputs.model_state["seen"] + inputs.batch.image.mean()}
    return losses, (counted, {"drawn": jax.random.normal(inputs.key), "at": inputs.step.astype(jnp.float32)})


def fresh(ema=False, **changes):
    variables = {"params": PARAMS, "seen": jnp.zeros(())} | changes
    return init_state(KEY, variables, PLAYERS, hyper={"shift": jnp.float32(3.0)}, ema=ema)


@pytest.mark.parametrize(("name", "rate"), [("min", 0.1), ("max", 0.01)])
def test_each_gradient_reaches_its_own_subtree_only(name, rate, batch):
    state, metrics = jax.jit(make_step(game, PLAYERS))(fresh(), batch)
    gradient = jax.grad(lambda params: values(params, 0.0)[name])(PARAMS)
    owned = {k: gradient[k] for k in PLAYERS[name].owns}
    for subtree, g in owned.items():
        expected = jax.tree.map(lambda p, g: p - rate * g, PARAMS[subtree], g)
        jax.tree.map(np.testing.assert_allclose, state.params[subtree], expected)
    norm = np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(owned)))
    np.testing.assert_allclose(metrics[f"grad_norm_{name}"], norm, rtol=1e-6)


def test_a_step_has_its_closed_form(batch):
    state, _ = make_step(game, PLAYERS)(fresh(), batch)
    x, y, c = (np.asarray(leaf) for leaf in (PARAMS["left"]["w"], PARAMS["right"]["w"], PARAMS["extra"]))
    np.testing.assert_allclose(state.params["left"]["w"], x - 0.1 * (x + y), rtol=1e-6)
    np.testing.assert_allclose(state.params["right"]["w"], y - 0.01 * (2 * c * y - x), rtol=1e-6)
    np.testing.assert_allclose(state.params["extra"], c - 0.01 * np.sum(y**2), rtol=1e-6)


def test_losses_meet_step_state_hyperparameters_and_a_fresh_key(batch):
    step = jax.jit(make_step(game, PLAYERS))
    state, metrics = fresh(), []
    for _ in range(3):
        state, values = step(state, batch)
        metrics.append(values)
    assert int(state.step) == 3
    assert [float(m["at"]) for m in metrics] == [0, 1, 2]
    np.testing.assert_allclose(state.model_state["seen"], 1.5)
    expected = [jax.random.normal(jax.random.fold_in(KEY, number)) for number in range(3)]
    np.testing.assert_allclose([m["drawn"] for m in metrics], expected)
    np.testing.assert_array_equal(jax.random.key_data(state.key), jax.random.key_data(KEY))


def test_metrics_are_those_of_the_losses_and_the_gradient_norms(batch):
    _, metrics = make_step(game, PLAYERS)(fresh(), batch)
    assert set(metrics) == {"drawn", "at", "grad_norm_min", "grad_norm_max"}


def test_moving_average_has_its_closed_form_and_forgets_where_it_began(batch):
    """Its decay rises to 0.3 with the steps: 1/10, 2/11, 3/12, 0.3."""
    step = jax.jit(make_step(game, PLAYERS, ema_decay=0.3))
    state = fresh(ema=True)
    expected = state.params
    for decay in (1 / 10, 2 / 11, 3 / 12, 0.3, 0.3):
        state, _ = step(state, batch)
        expected = jax.tree.map(
            lambda old, new, decay=decay: decay * old + (1 - decay) * new, expected, state.params
        )
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), state.ema, expected)
    assert state.variables["params"] is state.ema


def test_without_moving_average_the_parameters_are_evaluated(batch):
    state, _ = make_step(game, PLAYERS)(fresh(), batch)
    assert state.ema is None
    assert state.variables == {"params": state.params, "seen": state.model_state["seen"]}


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_a_decay_out_of_range_is_refused(decay):
    with pytest.raises(ValueError, match=rf"decay must be in \[0, 1\), got {decay}"):
        make_step(game, PLAYERS, ema_decay=decay)


@pytest.mark.parametrize(
    ("owned", "message"),
    [
        ([("left",), ("right",)], r"exactly one player: \['extra'\]"),
        ([("left", "extra"), ("right", "extra")], r"exactly one player: \['extra'\]"),
        ([("left", "extra"), ("right", "top")], r"exactly one player: \['top'\]"),
    ],
    ids=["unowned", "owned twice", "not there"],
)
def test_players_who_do_not_share_out_the_parameters_are_refused(owned, message):
    players = {str(n): Player(owns, optax.sgd(0.1)) for n, owns in enumerate(owned)}
    with pytest.raises(ValueError, match=message):
        init_state(KEY, {"params": PARAMS}, players)


class Echo:
    """A model that returns the image that it is shown."""

    def apply(self, variables, key, image, index, *, train, mutable):
        return image, {}


def test_a_corrupted_image_is_shown_and_the_clean_one_judged(batch):
    def objective(key, output, batch, step, hyper):
        return jnp.mean(output - batch.image), {"shown": jnp.mean(output), "seen": jnp.mean(batch.image)}

    def darker(key, image, index):
        return image * 0.5 + 0 * jax.random.normal(key) + 0 * index[:, None, None, None].astype(jnp.float32)

    for corrupt, shown in ((None, 0.5), (darker, 0.25)):
        losses = one_player("all", Echo(), objective, corrupt=corrupt)
        values, (_, metrics) = losses(StepInput(KEY, {}, {}, batch, jnp.int32(0), {}))
        assert float(values["all"]) == shown - 0.5
        assert (float(metrics["shown"]), float(metrics["seen"])) == (shown, 0.5)


def test_variants_may_begin_in_different_ways():
    replicas = [Replica(v, s, {"rate": r}) for v, s, r in (("a", 0, 1.0), ("b", 0, 2.0), ("a", 1, 3.0))]
    players = {"all": Player(("w",), optax.sgd(0.1))}

    def init(scale):
        return lambda key: {"params": {"w": scale * jax.random.normal(key, (3,))}}

    small, large = init(1.0), init(10.0)
    mixed = init_replicas(replicas, {"a": small, "b": large}, players)
    alone = [init_replicas(replicas, function, players) for function in (small, large)]
    for place, expected in enumerate((alone[0], alone[1], alone[0])):
        np.testing.assert_array_equal(mixed.params["w"][place], expected.params["w"][place])
    np.testing.assert_array_equal(mixed.hyper["rate"], [1, 2, 3])
    np.testing.assert_array_equal(jax.random.key_data(mixed.key), jax.random.key_data(alone[0].key))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_replicas_differ_in_learning_rate_and_momentum(optimizer, batch):
    rates, momenta = [0.1, 0.01], [0.5, 0.9]
    players = {"only": Player(("left", "right", "extra"), tunable(optimizer), TUNABLE)}

    def losses(inputs):
        assert inputs.hyper == {}, "the optimizer's hyper-parameters are none of the losses'"
        loss = values(inputs.params, 0.0)["min"]
        return {"only": loss}, (inputs.model_state, {"loss": loss})

    replicas = [
        Replica(str(rate), 0, {"learning_rate": rate, "momentum": momentum})
        for rate, momentum in zip(rates, momenta, strict=True)
    ]
    state = init_replicas(replicas, lambda key: {"params": PARAMS}, players)
    step = jax.jit(jax.vmap(make_step(losses, players), in_axes=(0, None)))
    for _ in range(3):
        state, _ = step(state, batch)
    for place, (rate, momentum) in enumerate(zip(rates, momenta, strict=True)):
        plain = optax.adam(rate, b1=momentum) if optimizer == "adam" else optax.sgd(rate, momentum=momentum)
        alone = init_state(KEY, {"params": PARAMS}, {"only": Player(("left", "right", "extra"), plain)})
        single = make_step(losses, {"only": Player(("left", "right", "extra"), plain)})
        for _ in range(3):
            alone, _ = single(alone, batch)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5),
            state.replica(place).params,
            alone.params,
        )


def test_a_hyperparameter_that_the_optimizer_has_not_is_refused():
    players = {"only": Player(("left",), tunable("adam"), ("weight_decay",))}
    with pytest.raises(ValueError, match="weight_decay must be both the replica's and the optimizer's"):
        init_state(KEY, {"params": {"left": PARAMS["left"]}}, players, hyper={"weight_decay": jnp.float32(1)})


def test_a_model_is_given_its_arguments_and_the_label(batch):
    received = {}

    class Model:
        def apply(self, variables, key, image, index, **arguments):
            received.update(arguments)
            return image, {}

    def objective(key, output, batch, step, overrides):
        assert set(overrides) == {"kl"}
        return jnp.sum(output), {}

    losses = one_player("model", Model(), objective, arguments=("rate",), label="label")
    hyper = {"rate": jnp.float32(0.2), "kl": jnp.float32(1)}
    losses(StepInput(KEY, {}, {}, batch, jnp.int32(0), hyper))
    assert float(received["rate"]) == pytest.approx(0.2)
    np.testing.assert_array_equal(received["label"], batch.label)
