"""What reaches whom when several players learn from one forward pass."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae import losses, models
from jaxvae.models import AAE, VAEGAN, Normal
from jaxvae.train import Player, StepInput, init_state, make_step, pausing, several_players
from jaxvae.types import AdversarialOutput, Batch, Posterior

KEY = jax.random.key(0)
STEP = jnp.int32(0)
SHAPE = (8, 8, 1)
OWNERS = {name: Player((name,), optax.sgd(1e-2)) for name in ("encoder", "decoder", "discriminator")}
PHASES = {
    "reconstruction": Player(("encoder", "decoder"), optax.sgd(1e-2)),
    "regularization": Player((), optax.sgd(1e-2), shares=("encoder",)),
    "discriminator": Player(("discriminator",), optax.sgd(1e-2)),
}


@pytest.fixture(scope="module")
def batch():
    image = jax.random.uniform(jax.random.key(1), (6, *SHAPE))
    return Batch(image, jnp.arange(6), jnp.ones(6), jnp.arange(6))


def aae(**changes):
    return AAE(SHAPE, 2, (3, 4), (5,), "ring", **({"informed": True, "gaussian": True} | changes))


def vaegan(**changes):
    return VAEGAN(SHAPE, 3, (3, 4), (3, 4), 5, **({"feature_layer": 2} | changes))


def family(name, game="minimax", penalty=0.0):
    """Model, players, terms, weights and further arguments of the losses."""
    rules = losses.adversarial(game)
    if name == "aae":
        terms, weights = losses.aae_players(rules, losses.reconstruction("bernoulli"), penalty=penalty)
        return aae(), PHASES, terms, weights, {"slopes": penalty > 0}
    terms, weights = losses.vaegan_players(rules, Normal(dim=3), gamma=0.3, penalty=penalty)
    model = vaegan(normalisation="none" if penalty else "batch")
    return model, OWNERS, terms, weights, {"label": "attributes", "slopes": penalty > 0}


@functools.cache
def initial(model):
    return jax.jit(lambda: models.init(KEY, model))()


def fresh(model, players):
    return init_state(KEY, initial(model), players)


def gradients(model, players, terms, weights, batch, **further):
    """Each player's gradient of its own loss, a function of factors for terms and of weights by player and term."""
    state = fresh(model, players)
    given = {f"{player}_{name}": weight for player, own in weights.items() for name, weight in own.items()}

    @jax.jit
    def of_players(factors, overrides):
        scaled = {
            name: lambda *arguments, name=name: factors[name] * terms[name](*arguments) for name in terms
        }
        play = several_players(model, losses.compose_players(scaled, weights), **further)
        by_player = jax.jacrev(
            lambda params: play(StepInput(KEY, params, state.model_state, batch, STEP, overrides))[0]
        )(state.params)
        return {name: {k: by_player[name][k] for k in p.moves} for name, p in players.items()}

    def call(factors=None, overrides=None):
        chosen = dict.fromkeys(terms, 1.0) | (factors or {}), given | (overrides or {})
        return of_players(*jax.tree.map(jnp.float32, chosen))

    return call


REACH = {
    "aae": {
        "reconstruction": {"reconstruction"},
        "generator_code": {"regularization"},
        "adversarial_prior": {"discriminator"},
        "adversarial_code": {"discriminator"},
        "gradient_penalty": {"discriminator"},
    },
    "vaegan": {
        "kl": {"encoder"},
        "feature_likelihood": {"encoder", "decoder"},
        "generator_reconstruction": {"decoder"},
        "generator_sample": {"decoder"},
        "adversarial_real": {"discriminator"},
        "adversarial_reconstruction": {"discriminator"},
        "adversarial_sample": {"discriminator"},
        "sample_diversity": set(),
        "gradient_penalty": {"discriminator"},
    },
}


def distance(before, after):
    """Length of the difference of two trees, as a share of the first's."""
    return optax.tree.norm(jax.tree.map(jnp.subtract, before, after)) / optax.tree.norm(before)


@pytest.mark.parametrize("name", REACH)
def test_a_perturbed_loss_changes_the_gradient_of_its_own_players_only(name, batch):
    model, players, terms, weights, further = family(name, penalty=0.5)
    assert set(REACH[name]) == set(terms)
    of_players = gradients(model, players, terms, weights, batch, **further)
    before = of_players()
    for term in terms:
        after = of_players({term: 2})
        moved = {player for player in players if distance(before[player], after[player]) > 1e-4}
        assert moved == REACH[name][term], term


def test_gamma_weighs_the_features_in_the_decoder_alone(batch):
    model, players, terms, weights, further = family("vaegan")
    of_players = gradients(model, players, terms, weights, batch, **further)
    gamma = "decoder_feature_likelihood"
    features = of_players(dict.fromkeys(terms, 0) | {"feature_likelihood": 1}, {gamma: 1})
    before, after = (of_players(overrides={gamma: weight}) for weight in (0.3, 1.3))
    assert_close(after["encoder"], before["encoder"])
    assert_close(after["decoder"], jax.tree.map(jnp.add, before["decoder"], features["decoder"]))


def test_vaegan_gradients_are_algorithm_1s(batch):
    """Written out once more, line by line, from the model's three methods, each player by itself."""
    model = vaegan(normalisation="none", feature_layer=1)
    _, players, terms, weights, further = family("vaegan")
    actual = gradients(model, players, terms, weights, batch, **further)()
    params, state = fresh(model, players).params, fresh(model, players).model_state
    drawn = model.apply(
        {"params": params, **state},
        jax.random.split(KEY)[0],
        batch.image,
        batch.index,
        method="play",
        mutable=list(state),
    )[0]
    noise = (drawn.latents[0] - drawn.posteriors[0].mean) / drawn.posteriors[0].stddev
    sampled = jax.vmap(
        lambda i: jax.random.normal(
            jax.random.fold_in(jax.random.fold_in(jax.random.split(KEY)[0], 1), i), (1, 3)
        )
    )(batch.index)[:, 0]

    def apply(params, *arguments, method):
        return model.apply({"params": params, **state}, *arguments, method=method, mutable=list(state))[0]

    def algorithm(params):
        (q,) = apply(params, batch.image, True, method="encode")
        l_prior = 0.5 * jnp.sum(q.mean**2 + q.stddev**2 - 1 - 2 * jnp.log(q.stddev), axis=1)
        codes = jnp.concatenate([q.mean + q.stddev * noise, sampled])
        decoded = jax.nn.sigmoid(apply(params, (codes,), True, method="decode"))
        shown = (batch.image, decoded[:6], decoded[6:])
        (real, f), (rec, f_rec), (new, _) = (
            apply(params, x, method=lambda model, x: model.discriminator(x, True)) for x in shown
        )
        l_like = 0.5 * jnp.sum((f - f_rec) ** 2, axis=1)
        d_real, d_rec, d_new = (jax.nn.sigmoid(x) for x in (real, rec, new))
        l_gan = jnp.log(d_real) + jnp.log(1 - d_rec) + jnp.log(1 - d_new)
        return l_prior.mean(), l_like.mean(), l_gan.mean()

    def players_losses(params):
        l_prior, l_like, l_gan = algorithm(params)
        return {"encoder": l_prior + l_like, "decoder": 0.3 * l_like + l_gan, "discriminator": -l_gan}

    expected = jax.jit(jax.jacrev(players_losses))(params)
    for player in players:
        assert_close(actual[player][player], expected[player][player])


def assert_close(actual, expected):
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("name", ["aae", "vaegan"])
def test_a_step_moves_everyone_by_their_own_gradient(name, batch):
    model, players, terms, weights, further = family(name, "non_saturating")
    play = several_players(model, losses.compose_players(terms, weights), **further)
    before = fresh(model, players)
    after, metrics = jax.jit(make_step(play, players))(before, batch)
    key = jax.random.fold_in(before.key, 0)
    gradients = jax.jacrev(
        lambda params: play(StepInput(key, params, before.model_state, batch, STEP, {}))[0]
    )
    by_player = jax.jit(gradients)(before.params)
    for subtree, old in before.params.items():
        movers = [player for player, p in players.items() if subtree in p.moves]
        total = jax.tree.map(lambda *g: sum(g), *(by_player[player][subtree] for player in movers))
        assert_close(after.params[subtree], jax.tree.map(lambda p, g: p - 1e-2 * g, old, total))
    assert {f"{player}_loss" for player in players} | {"loss", *terms} <= set(metrics)


def test_batch_statistics_are_brought_up_to_date_once_a_step(batch):
    model, players, terms, weights, further = family("vaegan")
    play = several_players(model, losses.compose_players(terms, weights), **further)
    before = fresh(model, players)
    after, _ = jax.jit(make_step(play, players))(before, batch)
    _, expected = model.apply(
        {"params": before.params, **before.model_state},
        jax.random.split(jax.random.fold_in(before.key, 0))[0],
        batch.image,
        batch.index,
        method="play",
        mutable=["batch_stats"],
    )
    assert_close(after.model_state, expected)
    old, new = (s.model_state["batch_stats"]["discriminator"] for s in (before, after))
    assert all(np.abs(a - b).max() > 0 for a, b in zip(*map(jax.tree.leaves, (old, new)), strict=True))


def test_a_player_who_waits_stands_still_with_its_optimizer(batch):
    model, _, terms, weights, further = family("vaegan")
    players = {name: Player((name,), pausing(optax.adam(1e-2))) for name in OWNERS}

    def rule(means):
        return {"discriminator": means["kl"] < 0}

    play = several_players(model, losses.compose_players(terms, weights, rule=rule), **further)
    state = fresh(model, players)
    state = state.replace(opt_state=jax.tree.map(jnp.ones_like, state.opt_state))
    waited, metrics = jax.jit(make_step(play, players))(state, batch)
    for before, after in (
        (state.params["discriminator"], waited.params["discriminator"]),
        (state.opt_state["discriminator"], waited.opt_state["discriminator"]),
    ):
        jax.tree.map(np.testing.assert_array_equal, before, after)
    assert metrics["discriminator_moves"] == 0
    assert metrics["grad_norm_discriminator"] == 0
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), state.params["decoder"], waited.params["decoder"])
    assert max(jax.tree.leaves(moved)) > 0


def test_a_pausing_optimizer_is_its_own_otherwise():
    params, gradient = {"w": jnp.array([1.0, 2.0])}, {"w": jnp.array([0.0, 0.3])}
    plain, careful = optax.adam(0.1), pausing(optax.adam(0.1))
    with jax.numpy_dtype_promotion("standard"):
        expected = plain.update(gradient, plain.init(params), params)
        actual = careful.update(gradient, careful.init(params), params)
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def test_slopes_are_the_norms_of_the_verdicts_gradient(batch):
    """A discriminator that is a scalar product has the same slope everywhere."""

    class Linear:
        def apply(self, variables, *arguments, method, **further):
            if method == "discriminate":
                return jnp.sum(arguments[0] * variables["params"]["w"], axis=(1, 2, 3))
            _, image, _ = arguments
            code, verdict = jnp.ones((6, 1)), jnp.zeros(6)
            return AdversarialOutput(
                image,
                (Posterior(code, code),),
                (code,),
                real=image,
                fakes=(image / 2, image / 3),
                real_logits=verdict,
                fake_logits=(verdict, verdict),
            ), {}

    def objective(key, judged, batch, step, hyper):
        return {"discriminator": jnp.sum(jnp.stack(judged.slopes))}, {}

    play = several_players(Linear(), objective, slopes=True)
    w = jax.random.normal(KEY, (1, *SHAPE))
    total, gradient = jax.value_and_grad(
        lambda w: play(StepInput(KEY, {"w": w}, {}, batch, STEP, {}))[0]["discriminator"]
    )(w)
    np.testing.assert_allclose(total, 12 * np.linalg.norm(w), rtol=1e-5)
    np.testing.assert_allclose(gradient, 12 * w / np.linalg.norm(w), rtol=1e-4)


@pytest.mark.parametrize("layout", ["native", "chwn"])
def test_gradient_penalty_reaches_parameters_through_the_inner_gradient(layout, batch):
    """Against finite differences along a random direction."""
    model = vaegan(normalisation="none", layout=models.layout(layout))
    _, players, terms, _, further = family("vaegan", penalty=1.0)
    weights = {"encoder": {}, "decoder": {}, "discriminator": {"gradient_penalty": 1.0}}
    play = several_players(model, losses.compose_players(terms, weights), **further)
    state = fresh(model, players)

    @jax.jit
    def value(discriminator):
        params = state.params | {"discriminator": discriminator}
        return play(StepInput(KEY, params, state.model_state, batch, STEP, {}))[0]["discriminator"]

    at = state.params["discriminator"]
    leaves, tree = jax.tree.flatten(at)
    keys = jax.random.split(jax.random.key(2), len(leaves))
    direction = tree.unflatten(
        [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
    )
    gradient = jax.jit(jax.grad(value))(at)
    slope = sum(jnp.vdot(g, d) for g, d in zip(*map(jax.tree.leaves, (gradient, direction)), strict=True))
    ahead, behind = (value(jax.tree.map(lambda p, d, s=s: p + s * d, at, direction)) for s in (1e-3, -1e-3))
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-3, rtol=2e-2)
    assert max(float(np.abs(g).max()) for g in jax.tree.leaves(gradient)) > 1e-3


def test_instance_noise_follows_its_schedule(batch):
    seen = []

    class Listener:
        def apply(self, variables, *arguments, noise, **further):
            seen.append(float(noise))
            return None, {}

    play = several_players(Listener(), lambda *a: ({}, {}), noise=lambda step: 0.1 * step.astype(jnp.float32))
    for step in (0, 3):
        play(StepInput(KEY, {}, {}, batch, jnp.int32(step), {}))
    np.testing.assert_allclose(seen, [0, 0.3], rtol=1e-6)


def test_players_who_share_what_is_not_there_or_their_own_are_refused():
    variables = {"params": {"a": jnp.zeros(1), "b": jnp.zeros(1)}}
    for shares in (("c",), ("a",)):
        players = {"one": Player(("a",), optax.sgd(1), shares=shares), "two": Player(("b",), optax.sgd(1))}
        with pytest.raises(ValueError, match=rf"exactly one player: \['{shares[0]}'\]"):
            init_state(KEY, variables, players)


@pytest.mark.parametrize("name", ["aae", "vaegan"])
def test_two_devices_make_the_step_of_one(name, batch):
    model, players, terms, weights, further = family(name, "non_saturating")
    rule = losses.equilibrium(["adversarial_real"], ["adversarial_sample"]) if name == "vaegan" else None
    batch = batch.replace(mask=jnp.array([1.0, 1, 1, 0, 0, 1]))

    objective = losses.compose_players(terms, weights, rule=rule)
    step = make_step(several_players(model, objective, **further), players)
    state = fresh(model, players)
    expected, logged = jax.jit(step)(state, batch)
    spread = jax.pmap(
        lambda state, fields: step(state, Batch(**fields, axis_name="data")),
        "data",
        in_axes=(None, 0),
        devices=jax.devices()[:2],
    )
    halves = {k: x.reshape(2, 3, *x.shape[1:]) for k, x in vars(batch).items() if x is not None}
    actual, metrics = jax.tree.map(lambda x: x[0], spread(state, halves))
    assert_close(actual.params, expected.params)
    assert_close(actual.model_state, expected.model_state)
    for values in (metrics, logged):
        values.pop("sample_diversity", None)  # looks for neighbours on the same device
    assert_close(metrics, logged)
