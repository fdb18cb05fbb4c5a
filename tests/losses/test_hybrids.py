import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.losses import (
    ADVERSARIAL,
    adversarial,
    compose_players,
    reconstruction,
    vaegan_players,
    wae_gan_players,
)
from jaxvae.models import Normal
from jaxvae.types import AdversarialOutput, Batch, Posterior

KEY = jax.random.key(0)
BATCH = Batch(jnp.zeros((5, 1, 1, 1)), jnp.zeros(5, int), jnp.ones(5), jnp.arange(5))


def judged(shift=0.0):
    rng = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    real, *fakes = (shift + normal(5) for _ in range(3))
    return AdversarialOutput(
        normal(5, 1, 1, 1),
        (Posterior(normal(5, 2), jnp.ones((5, 2))),),
        (normal(5, 2),),
        real=normal(5, 2),
        fakes=(normal(5, 2), normal(5, 2)),
        real_logits=real,
        fake_logits=tuple(fakes),
        real_features=normal(5, 7),
        fake_features=normal(5, 7),
    )


def play(name, output):
    objective = compose_players(*vaegan_players(adversarial(name), Normal(dim=2), gamma=0.3))
    return objective(KEY, output, BATCH, jnp.int32(0))


def test_a_critics_loss_does_not_change_with_a_shift_of_all_logits():
    before, after = (play("wasserstein", judged(shift))[0] for shift in (0.0, 100.0))
    np.testing.assert_allclose(after["discriminator"], before["discriminator"], atol=1e-4)


def test_a_critics_loss_is_the_mean_of_fakes_less_that_of_real_and_the_decoder_its_opponent():
    output = judged()
    actual, metrics = play("wasserstein", output)
    real, *fakes = (float(jnp.mean(logits)) for logits in (output.real_logits, *output.fake_logits))
    np.testing.assert_allclose(actual["discriminator"], np.mean(fakes) - real, rtol=1e-5)
    like = 0.3 * float(metrics["feature_likelihood"])
    np.testing.assert_allclose(actual["decoder"] - like, -np.mean(fakes), rtol=1e-4)


@pytest.mark.parametrize("name", sorted(set(ADVERSARIAL) - {"wasserstein"}))
def test_bounded_games_weigh_every_fake_as_the_real_one(name):
    actual, metrics = play(name, judged())
    kinds = ("adversarial_real", "adversarial_reconstruction", "adversarial_sample")
    np.testing.assert_allclose(actual["discriminator"], sum(metrics[kind] for kind in kinds), rtol=1e-5)
    assert actual["discriminator"] >= 0


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_only_unbounded_losses_of_a_discriminator_fall_without_end(name):
    game = adversarial(name)
    far = jnp.array([-1e4, 1e4])
    lowest = min(float(side(far).min()) for side in (game.real, game.fake))
    assert (lowest >= 0) == game.bounded


def test_diversity_is_logged_and_nobodys():
    _, weights = vaegan_players(adversarial("minimax"), Normal(dim=2))
    assert not any("sample_diversity" in own for own in weights.values())
    assert float(play("minimax", judged())[1]["sample_diversity"]) > 0


def test_both_phases_of_the_adversarial_autoencoder_are_one_loss():
    terms, weights = wae_gan_players(
        adversarial("non_saturating"), reconstruction("bernoulli"), weight=40.0, penalty=0.5
    )
    assert weights == {
        "autoencoder": {"reconstruction": 1.0, "generator_code": 40.0},
        "discriminator": {"adversarial_prior": 1.0, "adversarial_code": 1.0, "gradient_penalty": 0.5},
    }
    del terms["gradient_penalty"], weights["discriminator"]["gradient_penalty"]
    output = judged()
    actual, metrics = compose_players(terms, weights)(KEY, output, BATCH, jnp.int32(0))
    expected = jnp.mean(jnp.sum(jax.nn.softplus(output.logits), axis=(1, 2, 3)))  # of black images
    expected += 40 * jnp.mean(jax.nn.softplus(-output.fake_logits[0]))
    np.testing.assert_allclose(actual["autoencoder"], expected, rtol=1e-5)
    np.testing.assert_allclose(
        actual["discriminator"], metrics["adversarial_prior"] + metrics["adversarial_code"], rtol=1e-6
    )
