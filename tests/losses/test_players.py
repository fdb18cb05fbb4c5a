import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.losses import compose_players, equilibrium

KEY = jax.random.key(0)
STEP = jnp.int32(0)
TERMS = {
    "a": lambda key, output, batch: output[0] * jnp.ones(8),
    "b": lambda key, output, batch: output[1] * jnp.arange(8.0),
}
WEIGHTS = {"first": {"a": 2.0, "b": 1.0}, "second": {"b": -3.0}, "idle": {}}


def test_each_loss_is_the_players_weighted_sum_of_masked_means(batch):
    losses, metrics = compose_players(TERMS, WEIGHTS)(KEY, (5.0, 7.0), batch, STEP)
    b = 7.0 * float(np.average(np.arange(8.0), weights=batch.mask))
    expected = {"first": 10 + b, "second": -3 * b, "idle": 0.0}
    for player, loss in expected.items():
        np.testing.assert_allclose(losses[player], loss, rtol=1e-6)
        np.testing.assert_allclose(metrics[f"{player}_loss"], loss, rtol=1e-6)
    np.testing.assert_allclose([metrics["a"], metrics["b"], metrics["loss"]], [5, b, 10 + b], rtol=1e-6)
    assert set(metrics) == {"a", "b", "loss", *(f"{player}_loss" for player in WEIGHTS)}


def test_a_term_of_two_players_is_computed_once(batch):
    calls = []

    def term(key, output, batch):
        calls.append(key)
        return jnp.ones(8)

    compose_players({"a": term}, {"first": {"a": 1.0}, "second": {"a": 2.0}})(KEY, None, batch, STEP)
    assert len(calls) == 1


def test_terms_have_keys_of_their_own(batch):
    drawn = {name: lambda key, output, batch: jax.random.normal(key) for name in ("a", "b")}
    _, metrics = compose_players(drawn, {"all": {"a": 1.0, "b": 1.0}})(KEY, None, batch, STEP)
    assert metrics["a"] != metrics["b"]


def test_weights_follow_schedules_and_replicas(batch):
    weights = {"first": {"a": lambda step: step.astype(jnp.float32)}, "second": {"a": 1.0}}
    objective = compose_players(TERMS, weights)
    losses, _ = objective(KEY, (1.0, 1.0), batch, jnp.int32(4), {"second_a": jnp.float32(0.5)})
    np.testing.assert_allclose([losses["first"], losses["second"]], [4.0, 0.5])
    with pytest.raises(ValueError, match="No weight is named second_b; the weights are first_a, second_a"):
        objective(KEY, (1.0, 1.0), batch, STEP, {"second_b": jnp.float32(1)})


def test_who_must_wait_has_loss_and_gradient_zero_and_is_logged(batch):
    def rule(means):
        return {"first": means["a"] > 1, "second": means["a"] < 1}

    objective = compose_players(TERMS, WEIGHTS, rule=rule)

    def losses(values):
        return objective(KEY, values, batch, STEP)

    gradient, metrics = jax.jacrev(losses, has_aux=True)((jnp.float32(0.5), jnp.float32(1.0)))
    np.testing.assert_array_equal(gradient["first"], 0)
    assert gradient["second"][1] < 0
    assert (metrics["first_moves"], metrics["second_moves"]) == (0, 1)
    assert metrics["first_loss"] > 0
    assert "idle_moves" not in metrics


@pytest.mark.parametrize(
    ("real", "fake", "discriminator", "decoder"),
    [
        (0.68, 0.68, True, True),
        (0.1, 0.68, False, True),
        (0.68, 0.1, False, True),
        (1.2, 0.68, True, False),
        (0.68, 1.2, True, False),
        (0.1, 1.2, True, True),
    ],
)
def test_equilibrium_lets_the_stronger_wait(real, fake, discriminator, decoder):
    rule = equilibrium(["real"], ["reconstructed", "sampled"])
    means = {"real": real, "reconstructed": fake - 0.05, "sampled": fake + 0.05}
    moves = rule({name: jnp.float32(value) for name, value in means.items()})
    assert {name: bool(value) for name, value in moves.items()} == {
        "discriminator": discriminator,
        "decoder": decoder,
    }


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "at least one player, got none"),
        ({"first": {"c": 1.0}}, "first has a weight for c, which is not a term; the terms are a, b"),
        ({"first": {"a": float("nan")}}, "The weight of a for first must be finite, got nan"),
    ],
)
def test_weights_that_make_no_game_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        compose_players(TERMS, weights)


def test_an_equilibrium_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"margin must be >= 0, got -0\.1"):
        equilibrium(["real"], ["fake"], margin=-0.1)
    with pytest.raises(ValueError, match="terms for real and for fake examples"):
        equilibrium(["real"], [])
