"""Posteriors with a full covariance against closed forms and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxvae import losses, models
from jaxvae.models.posterior import full_posterior, reparameterize
from jaxvae.types import FullPosterior, Posterior

KEY = jax.random.key(0)
MEAN = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
ENTRIES = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)


def posterior(entries=ENTRIES):
    return full_posterior(jnp.asarray(MEAN), jnp.asarray(entries))


def covariances():
    factor = np.asarray(posterior().factor, np.float64)
    return factor @ factor.transpose(0, 2, 1)


def test_the_factor_is_lower_triangular_with_a_positive_diagonal():
    q, covariance = posterior(), covariances()
    np.testing.assert_array_equal(np.triu(q.factor, 1), 0)
    assert (np.diagonal(q.factor, axis1=1, axis2=2) > 0).all()
    np.testing.assert_allclose(q.stddev, np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)), rtol=1e-5)


@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (1.0, 2.0)])
def test_divergence_is_the_textbooks(loc, scale):
    actual = losses.kl_normal(posterior(), loc=loc, scale=scale)
    expected = [
        0.5
        * (
            np.trace(c) / scale**2
            + np.square((m - loc) / scale).sum()
            - 3
            + 3 * np.log(scale**2)
            - np.linalg.slogdet(c)[1]
        )
        for m, c in zip(MEAN.astype(np.float64), covariances(), strict=True)
    ]
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_divergence_is_the_mean_of_monte_carlo():
    n = 20_000
    one = jax.tree.map(lambda x: jnp.repeat(x[:1], n, axis=0), posterior())
    draws = reparameterize(KEY, one, jnp.arange(n))
    estimates = np.asarray(losses.kl_monte_carlo(one, draws, models.Normal(dim=3)))
    error = estimates.std() / np.sqrt(n)
    assert abs(estimates.mean() - float(losses.kl_normal(posterior())[0])) < 4 * error
    np.testing.assert_allclose(np.cov(draws.T), covariances()[0], atol=0.15 * np.abs(covariances()[0]).max())


def test_without_entries_below_the_diagonal_it_is_the_diagonal_one():
    entries = np.where(np.arange(6) < 3, ENTRIES, 0)
    full, diagonal = (
        posterior(entries),
        Posterior(jnp.asarray(MEAN), jnp.exp(jnp.asarray(entries[:, :3]) / 2)),
    )
    np.testing.assert_allclose(losses.kl_normal(full), losses.kl_normal(diagonal), rtol=1e-5)
    noise = jax.random.normal(KEY, (4, 3))
    np.testing.assert_allclose(full.draw(noise), diagonal.draw(noise), rtol=1e-5)
    z = full.draw(noise)
    np.testing.assert_allclose(
        losses.posterior_log_prob(full, z), losses.posterior_log_prob(diagonal, z), rtol=1e-5
    )


def test_density_is_scipys():
    q = posterior()
    z = q.draw(jax.random.normal(KEY, (4, 3)))
    expected = [
        scipy.stats.multivariate_normal(m, c).logpdf(point)
        for m, c, point in zip(MEAN, covariances(), np.asarray(z), strict=True)
    ]
    np.testing.assert_allclose(losses.posterior_log_prob(q, z), expected, rtol=1e-4)


def test_gradient_is_that_of_finite_differences():
    def divergence(entries):
        return jnp.sum(losses.kl_normal(posterior(entries)))

    gradient = np.asarray(jax.grad(divergence)(jnp.asarray(ENTRIES)))
    for row, column in [(0, 0), (1, 2), (2, 3), (3, 5)]:
        step = np.zeros_like(ENTRIES)
        step[row, column] = 1e-2
        slope = (divergence(ENTRIES + step) - divergence(ENTRIES - step)) / 2e-2
        assert gradient[row, column] == pytest.approx(float(slope), rel=2e-2, abs=2e-3)


def test_a_vae_puts_one_out():
    model = models.VAE((8, 8, 1), 3, (4,), covariance="full")
    image, index = jnp.zeros((2, 8, 8, 1)), jnp.arange(2)
    (q,) = jax.jit(lambda: model.init_with_output(KEY, KEY, image, index)[0])().posteriors
    assert isinstance(q, FullPosterior)
    assert (q.mean.shape, q.factor.shape) == ((2, 3), (2, 3, 3))
    assert models.build(models.describe(model)).covariance == "full"


def test_what_is_no_covariance_is_refused():
    with pytest.raises(ValueError, match="covariance must be one of diagonal, full, got 'round'"):
        models.VAE((8, 8, 1), 3, (4,), covariance="round")
    with pytest.raises(ValueError, match="the factor of 3 dimensions has 6 entries, got 5"):
        full_posterior(jnp.zeros((1, 3)), jnp.zeros((1, 5)))
