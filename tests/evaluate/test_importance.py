"""The bound on a linear model of Gaussians, x = Wz + b + noise, whose log likelihood is known exactly."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxvae.evaluate import importance_bound, importance_evaluator
from jaxvae.types import Posterior

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
NOISE = 0.7
WEIGHTS = np.linalg.qr(RNG.normal(size=(6, 2)))[0] * [1.5, 0.8]
"""Orthogonal columns, so that the exact posterior is a diagonal Gaussian."""
OFFSET = RNG.normal(size=6)
IMAGES = RNG.normal(size=(7, 6)) + OFFSET


@dataclasses.dataclass(frozen=True)
class Prior:
    """N(loc, scale) in two dimensions."""

    loc: float = 0.0
    scale: float = 1.0

    def sample(self, key, n):
        return self.loc + self.scale * jax.random.normal(key, (n, 2))

    def log_prob(self, z):
        return jax.scipy.stats.norm.logpdf(z, self.loc, self.scale).sum(1)


def exact(prior):
    mean = WEIGHTS @ np.full(2, prior.loc) + OFFSET
    covariance = prior.scale**2 * WEIGHTS @ WEIGHTS.T + NOISE**2 * np.eye(6)
    return scipy.stats.multivariate_normal(mean, covariance).logpdf(IMAGES)


def true_posterior(prior):
    precision = prior.scale**-2 + (WEIGHTS**2).sum(0) / NOISE**2
    mean = ((IMAGES - OFFSET) @ WEIGHTS / NOISE**2 + prior.loc / prior.scale**2) / precision
    stddev = np.broadcast_to(precision**-0.5, mean.shape)
    return Posterior(jnp.asarray(mean, jnp.float32), jnp.asarray(stddev, jnp.float32))


def log_likelihood(codes):
    mean = codes[0] @ jnp.asarray(WEIGHTS.T, jnp.float32) + jnp.asarray(OFFSET, jnp.float32)[None]
    return jax.scipy.stats.norm.logpdf(jnp.asarray(IMAGES, jnp.float32), mean, NOISE).sum(1)


def widened(posterior):
    return Posterior(posterior.mean + 0.3, 1.5 * posterior.stddev)


@pytest.mark.parametrize("prior", [Prior(), Prior(1.0, 2.0)])
@pytest.mark.parametrize("samples", [1, 3])
def test_with_the_exact_posterior_every_draw_gives_the_log_likelihood(prior, samples):
    bound = importance_bound(KEY, log_likelihood, (true_posterior(prior),), [prior], samples=samples)
    np.testing.assert_allclose(bound, exact(prior), atol=2e-4)


@pytest.mark.parametrize("prior", [Prior(), Prior(1.0, 2.0)])
def test_many_draws_from_another_posterior_come_close_from_below(prior):
    q = (widened(true_posterior(prior)),)

    def bounds(samples, repeats):
        def bound(key):
            return importance_bound(key, log_likelihood, q, [prior], samples=samples, chunk=1000)

        return jax.jit(jax.vmap(bound))(jax.random.split(KEY, repeats)).mean(0)

    np.testing.assert_allclose(bounds(20_000, 1), exact(prior), atol=0.03)
    one, ten = bounds(1, 500), bounds(10, 500)
    assert (one < ten).all()
    assert (ten < exact(prior)).all()


def test_chunks_do_not_change_the_draws():
    q = (widened(true_posterior(Prior())),)
    whole, *others = (
        importance_bound(KEY, log_likelihood, q, [Prior()], samples=7, chunk=chunk) for chunk in (7, 1, 3, 50)
    )
    for other in others:
        np.testing.assert_allclose(other, whole, rtol=1e-5)


def test_memory_is_that_of_a_chunk():
    q = (widened(true_posterior(Prior())),)

    def size(samples):
        bound = jax.jit(
            lambda: importance_bound(KEY, log_likelihood, q, [Prior()], samples=samples, chunk=10)
        )
        return bound.lower().compile().memory_analysis().temp_size_in_bytes

    assert size(2000) - size(200) < 2 * 1800 * 7 * 4 + 4096


def test_levels_add_up():
    """A level that the images do not depend on leaves the bound alone if its posterior is its prior."""
    idle = Posterior(jnp.ones((7, 3)), jnp.full((7, 3), 2.0))
    posteriors = (true_posterior(Prior()), idle)
    bound = importance_bound(KEY, log_likelihood, posteriors, [Prior(), Prior(1.0, 2.0)], samples=4)
    np.testing.assert_allclose(bound, exact(Prior()), atol=2e-4)


def test_evaluator_averages_over_unmasked_images(cut, images):
    """A decoder that ignores its code: the bound is the likelihood of its image, whatever the draws."""
    batches = cut(images, 8, padding=np.nan)
    shape = images.shape[1:]

    def encode(variables, image):
        return (Posterior(jnp.zeros((len(image), 2)), jnp.ones((len(image), 2))),)

    def decode(variables, codes):
        return jnp.broadcast_to(variables["logit"], (len(codes[0]), *shape))

    evaluate = importance_evaluator(encode, decode, [Prior()], samples=5, chunk=2)
    logit = 0.4
    nll = np.log1p(np.exp(logit)) - logit * np.float64(images)
    actual = evaluate(KEY, {"logit": jnp.full((1, 1, 1, 1), logit)}, batches)
    assert actual.keys() == {"iwae"}
    np.testing.assert_allclose(actual["iwae"], -nll.sum((1, 2, 3)).mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "must be at least 1, got 0 and 1"),
        ({"chunk": 0}, "must be at least 1, got 500 and 0"),
    ],
)
def test_no_draws_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        importance_bound(KEY, log_likelihood, (true_posterior(Prior()),), [Prior()], **options)


def test_a_prior_for_each_level_is_needed():
    with pytest.raises(ValueError, match="one prior for each of 1 levels, got 2"):
        importance_bound(KEY, log_likelihood, (true_posterior(Prior()),), [Prior(), Prior()])
