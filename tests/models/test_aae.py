import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae import losses, models
from jaxvae.models import AAE, VAE, Ring
from jaxvae.train import Player, init_state, make_step, several_players
from jaxvae.types import Batch

KEY = jax.random.key(0)
INDEX = jnp.arange(6)
LABEL = jnp.array([2, 0, -1, 1, 9, -1])
MODEL = AAE((9, 12, 2), widths=(2, 4), hidden=(5, 6), prior="ring", informed=True)


def initial(model):
    return jax.jit(lambda: models.init(KEY, model))()


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (6, 9, 12, 2))


@pytest.fixture(scope="module")
def variables():
    return initial(MODEL)


@functools.partial(jax.jit, static_argnames="model")
def play(variables, images, model=MODEL, label=LABEL):
    return model.apply(variables, KEY, images, INDEX, label=label, method="play", mutable=["batch_stats"])[0]


def test_parameters_are_one_subtree_for_each_network(variables):
    assert set(variables["params"]) == {"encoder", "decoder", "discriminator"}
    assert set(variables["batch_stats"]) == {"encoder", "decoder"}


def test_autoencoder_is_the_vaes():
    def count(params):
        return sum(leaf.size for leaf in jax.tree.leaves(params))

    params = jax.eval_shape(lambda: models.init(KEY, AAE((28, 28, 1), gaussian=True)))["params"]
    vae = jax.eval_shape(lambda: models.init(KEY, VAE((28, 28, 1), 2)))["params"]
    assert count(params["encoder"]) + count(params["decoder"]) == count(vae)


@pytest.mark.parametrize("gaussian", [False, True])
def test_code_is_the_encoders_mean_or_a_draw_around_it(gaussian, images):
    model = AAE((9, 12, 2), widths=(2, 4), gaussian=gaussian)
    judged = play(initial(model), images, model)
    (q,), (z,) = judged.posteriors, judged.latents
    assert bool((q.stddev > 0).all()) == gaussian
    assert bool((z == q.mean).all()) != gaussian
    np.testing.assert_array_equal(judged.fakes[0], z)


def test_real_are_the_priors_draws_from_each_labels_part(images, variables):
    judged = play(variables, images)
    known = np.array([0, 1, 3, 4])
    np.testing.assert_array_equal(Ring().class_of(judged.real)[known], LABEL[known])
    np.testing.assert_array_equal(judged.real, play(variables, 1 - images).real)


def test_discriminator_judges_each_code_by_itself_and_by_its_label(images, variables):
    judged = play(variables, images)

    def verdict(code, label):
        return MODEL.apply(variables, code, label=label, method="discriminate")

    for code, logits in ((judged.real, judged.real_logits), (judged.fakes[0], judged.fake_logits[0])):
        np.testing.assert_allclose(verdict(code, LABEL), logits, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(verdict(code[:1], LABEL[:1]), logits[:1], rtol=1e-4, atol=1e-6)
    same = jnp.zeros((12, 2))
    assert len(np.unique(np.asarray(verdict(same, jnp.arange(-1, 11))[:11]))) == 11


def test_an_uninformed_discriminator_knows_no_labels(images):
    model = AAE((9, 12, 2), widths=(2, 4), prior="ring")
    variables = initial(model)
    first, second = (play(variables, images, model, label) for label in (LABEL, jnp.zeros(6, int)))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_samples_come_from_the_models_own_prior(variables):
    assert models.own_priors(MODEL) == (Ring(),)
    assert models.own_priors(MODEL.clone(classes=3)) == (Ring(classes=3),)
    assert models.sample(KEY, MODEL, variables, 3).shape == (3, 9, 12, 2)


def test_draws_are_all_that_is_needed_of_a_prior(images, monkeypatch):
    class Uniform:
        def sample(self, key, n):
            return jax.random.uniform(key, (n, 2))

    monkeypatch.setitem(models.PRIORS, "uniform", lambda dim, classes: Uniform())
    model = AAE((9, 12, 2), widths=(2, 4), prior="uniform")
    terms, weights = losses.aae_players(
        losses.adversarial("non_saturating"), losses.reconstruction("bernoulli")
    )
    players = {
        "reconstruction": Player(("encoder", "decoder"), optax.sgd(0.1)),
        "regularization": Player((), optax.sgd(0.1), shares=("encoder",)),
        "discriminator": Player(("discriminator",), optax.sgd(0.1)),
    }
    step = make_step(several_players(model, losses.compose_players(terms, weights)), players)
    batch = Batch(images, LABEL, jnp.ones(6), INDEX)
    _, metrics = jax.jit(step)(init_state(KEY, initial(model), players), batch)
    assert np.isfinite(metrics["adversarial_prior"])
    with pytest.raises(ValueError, match="the prior Uniform has no log_prob"):
        models.own_priors(model)
    assert models.sample(KEY, model, initial(model), 5).shape == (5, 9, 12, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": ()}, "an AAE needs at least one layer in each chain and positive sizes, got image shape"),
        ({"prior": "roll"}, "prior must be one of normal, ring, swiss_roll, got 'roll'"),
        ({"latent_size": 3, "prior": "ring"}, "needs latents of size 2, got 3"),
        ({"prior": "normal", "informed": True}, "the prior normal has no parts for the classes"),
    ],
)
def test_what_makes_no_network_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        AAE((9, 12, 2), **changes)


def test_an_informed_discriminator_needs_labels(variables):
    with pytest.raises(ValueError, match="discriminator takes labels, got none; pass -1"):
        MODEL.apply(variables, jnp.zeros((4, 2)), method="discriminate")
