import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jaxvae.losses import (
    ADVERSARIAL,
    adversarial,
    adversarial_fake,
    adversarial_generator,
    adversarial_real,
    feature_likelihood,
    gradient_penalty,
    sample_diversity,
)
from jaxvae.types import AdversarialOutput, Batch, Output, Posterior

KEY = jax.random.key(0)
LOGITS = jnp.array([-3.0, -0.5, 0.0, 0.7, 4.0])
BATCH = Batch(jnp.zeros((5, 1, 1, 1)), jnp.zeros(5, int), jnp.ones(5), jnp.arange(5))


def sigmoid_of(logits):
    return scipy.special.expit(np.float64(logits))


DEFINITIONS = {
    "minimax": (lambda d: -np.log(d), lambda d: -np.log(1 - d), lambda d: np.log(1 - d)),
    "non_saturating": (lambda d: -np.log(d), lambda d: -np.log(1 - d), lambda d: -np.log(d)),
}


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_losses_of_probabilities_are_their_definitions(name, wrap):
    game, definitions = adversarial(name), DEFINITIONS[name]
    for side, definition in zip(("real", "fake", "generator"), definitions, strict=True):
        actual = wrap(getattr(game, side))(LOGITS)
        np.testing.assert_allclose(actual, definition(sigmoid_of(LOGITS)), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "real", "fake", "generator"),
    [
        ("least_squares", lambda t: (t - 1) ** 2 / 2, lambda t: t**2 / 2, lambda t: (t - 1) ** 2 / 2),
        ("hinge", lambda t: np.maximum(0, 1 - t), lambda t: np.maximum(0, 1 + t), lambda t: -t),
        ("wasserstein", lambda t: -t, lambda t: t, lambda t: -t),
    ],
)
def test_losses_of_logits_are_their_definitions(name, real, fake, generator):
    game, t = adversarial(name), np.asarray(LOGITS)
    for actual, expected in ((game.real, real), (game.fake, fake), (game.generator, generator)):
        np.testing.assert_allclose(actual(LOGITS), expected(t), rtol=1e-6)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_everyone_pulls_logits_their_own_way(name):
    """Descent raises logits of what is real, lowers those of fakes, and raises them for the generator."""
    game, logits = adversarial(name), jnp.array([-0.9, -0.3, 0.2, 0.8])
    slopes = [jax.grad(lambda t, f=f: f(t).sum())(logits) for f in (game.real, game.fake, game.generator)]
    real, fake, generator = (np.asarray(slope) for slope in slopes)
    assert (real < 0).all()
    assert (generator < 0).all()
    if name == "least_squares":  # its fakes are pulled to 0
        np.testing.assert_allclose(fake, logits)
    else:
        assert (fake > 0).all()


def test_minimax_opponents_have_opposite_gradients():
    """The generator's loss is log(1 - D), the part of the discriminator's gain that it can reach."""
    game = adversarial("minimax")
    np.testing.assert_array_equal(game.generator(LOGITS), -game.fake(LOGITS))


def test_the_non_saturating_gradient_lasts_where_the_discriminator_is_certain():
    certain = jnp.array([-30.0])
    for name, expected in (("minimax", 0.0), ("non_saturating", -1.0)):
        slope = jax.grad(lambda t, name=name: adversarial(name).generator(t).sum())(certain)
        np.testing.assert_allclose(slope, expected, atol=1e-6)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_saturated_logits_leave_losses_and_gradients_finite(name):
    far = jnp.array([-1e4, 1e4])
    game = adversarial(name)
    for side in (game.real, game.fake, game.generator):
        value, slope = jax.value_and_grad(lambda t, side=side: side(t).sum())(far)
        assert np.isfinite(value)
        assert np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("name", "at"), [("minimax", np.log(9)), ("non_saturating", np.log(9)), ("least_squares", 0.9)]
)
def test_smoothing_moves_the_minimum_for_real_alone(name, at):
    smooth, plain = adversarial(name, smoothing=0.1), adversarial(name)
    slope = jax.grad(lambda t: smooth.real(t).sum())
    np.testing.assert_allclose(slope(jnp.array([at], jnp.float32)), 0, atol=1e-6)
    for side in ("fake", "generator"):
        np.testing.assert_array_equal(getattr(smooth, side)(LOGITS), getattr(plain, side)(LOGITS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("bce", 0.0),
            "must be one of minimax, non_saturating, least_squares, hinge, wasserstein, got 'bce'",
        ),
        (("minimax", 0.5), r"smoothing must be in \[0, 0.5\), got 0.5"),
        (("least_squares", -0.1), r"smoothing must be in \[0, 0.5\), got -0.1"),
        (("hinge", 0.1), "hinge has no target that could be smoothed, got smoothing=0.1"),
        (("wasserstein", 0.1), "wasserstein has no target that could be smoothed"),
    ],
)
def test_what_is_no_game_is_refused(arguments, message):
    name, smoothing = arguments
    with pytest.raises(ValueError, match=message):
        adversarial(name, smoothing=smoothing)


@pytest.fixture
def judged():
    rng = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    return AdversarialOutput(
        normal(5, 1, 1, 1),
        (Posterior(normal(5, 2), jnp.ones((5, 2))),),
        (normal(5, 2),),
        real=normal(5, 2),
        fakes=(normal(5, 2), normal(5, 2)),
        real_logits=normal(5),
        fake_logits=(normal(5), normal(5)),
        real_features=normal(5, 7),
        fake_features=normal(5, 7),
        slopes=(jnp.full(5, 3.0), jnp.full(5, 0.5)),
    )


def test_terms_look_where_they_say(judged):
    game = adversarial("least_squares")
    expected = {
        adversarial_real(game): (judged.real_logits - 1) ** 2 / 2,
        adversarial_fake(game): judged.fake_logits[0] ** 2 / 2,
        adversarial_fake(game, which=1): judged.fake_logits[1] ** 2 / 2,
        adversarial_generator(game, which=1): (judged.fake_logits[1] - 1) ** 2 / 2,
        feature_likelihood(): np.square(judged.real_features - judged.fake_features).sum(1) / 2,
        gradient_penalty(): np.full(5, (4 + 0.25) / 2),
    }
    for term, value in expected.items():
        np.testing.assert_allclose(term(KEY, judged, BATCH), value, rtol=1e-5)


def test_terms_without_what_they_need_say_so(judged):
    plain = Output(judged.logits, judged.posteriors, judged.latents)
    for term in (adversarial_real(adversarial("hinge")), feature_likelihood(), gradient_penalty()):
        with pytest.raises(
            ValueError, match="needs an AdversarialOutput, as a model's `play` returns it, got Output"
        ):
            term(KEY, plain, BATCH)
    with pytest.raises(ValueError, match="needs a discriminator that returns features, got one without"):
        feature_likelihood()(KEY, judged.replace(real_features=None), BATCH)
    with pytest.raises(ValueError, match="needs slopes, got none; build the losses with slopes=True"):
        gradient_penalty()(KEY, judged.replace(slopes=()), BATCH)


def diversity(judged, batch=BATCH, **given):
    return np.asarray(sample_diversity(**given)(KEY, judged, batch))


def test_diversity_is_the_distance_to_the_next_over_that_among_the_real(judged):
    def distances(x):
        return np.sqrt(np.mean(np.square(x - np.roll(x, -1, axis=0)), axis=1))

    expected = distances(judged.fakes[1]) / distances(judged.real).mean()
    np.testing.assert_allclose(diversity(judged, which=1), expected, rtol=1e-5)
    np.testing.assert_allclose(diversity(judged.replace(fakes=(judged.real,))).mean(), 1, rtol=1e-5)


def test_diversity_is_0_in_mode_collapse_and_finite_where_the_real_are_alike(judged):
    alike = jnp.ones((5, 2))
    np.testing.assert_array_equal(diversity(judged.replace(fakes=(alike,))), 0)
    np.testing.assert_array_equal(diversity(judged.replace(real=alike)), 0)


def test_diversity_leaves_out_padding_among_the_real(judged):
    batch = BATCH.replace(mask=jnp.array([1.0, 1, 1, 0, 0]))
    padded = judged.replace(real=judged.real.at[3:].set(1e6))
    np.testing.assert_allclose(diversity(padded, batch), diversity(judged, batch), rtol=1e-5)


def test_diversity_has_no_gradient(judged):
    slope = jax.grad(lambda x: jnp.sum(sample_diversity()(KEY, judged.replace(fakes=(x,)), BATCH)))
    np.testing.assert_array_equal(slope(jnp.ones((5, 2))), 0)
