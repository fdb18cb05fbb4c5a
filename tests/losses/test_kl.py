from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxvae.losses import kl, kl_monte_carlo, kl_normal, kl_normal_per_dimension, posterior_log_prob
from jaxvae.types import Posterior

KEY = jax.random.key(0)
wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
numbers = st.floats(-5, 5, width=32)
scales = st.floats(np.float32(0.05), 10, width=32)


@dataclass(frozen=True)
class NormalLike:
    """A normal prior of its own, since losses know no room but theirs."""

    loc: float
    scale: float

    def sample(self, key, n):
        return self.loc + self.scale * jax.random.normal(key, (n, 3))

    def log_prob(self, z):
        return jnp.sum(jax.scipy.stats.norm.logpdf(z, self.loc, self.scale), 1)


class DeclaredNormal(NormalLike):
    @property
    def normal_parameters(self):
        return self.loc, self.scale


def posterior(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return Posterior(
        mean=jnp.asarray(rng.normal(size=(n, d)), jnp.float32),
        stddev=jnp.asarray(np.exp(rng.normal(size=(n, d))), jnp.float32),
    )


def repeated(mean, stddev, n, d=1):
    return Posterior(mean=jnp.full((n, d), mean), stddev=jnp.full((n, d), stddev))


@pytest.mark.parametrize(("mean", "stddev"), [(0.0, 1.0), (1.3, 0.4), (-2.0, 2.5)])
@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (0.7, 2.0), (-1.0, 0.6)])
def test_closed_form_is_the_integral(mean, stddev, loc, scale):
    q, p = scipy.stats.norm(mean, stddev), scipy.stats.norm(loc, scale)

    def integrand(z):
        return q.pdf(z) * (q.logpdf(z) - p.logpdf(z))

    expected = scipy.integrate.quad(integrand, mean - 12 * stddev, mean + 12 * stddev)[0]
    np.testing.assert_allclose(
        kl_normal(repeated(mean, stddev, 1), loc=loc, scale=scale), [expected], atol=2e-6
    )


def test_divergence_from_a_normal_of_mean_1_and_deviation_2_is_the_reports():
    """Equation 5 of the report on priors and losses."""
    q = posterior(6, 4)
    inside = 1 - 2 * np.log(2) + np.log(q.stddev**2) - q.stddev**2 / 4 - (1 - q.mean) ** 2 / 4
    np.testing.assert_allclose(kl_normal(q, loc=1.0, scale=2.0), -0.5 * inside.sum(1), rtol=1e-5)


@wraps
def test_agrees_with_pytorch_in_value_and_gradient(wrap):
    torch = pytest.importorskip("torch")
    q, loc, scale = posterior(5, 3), np.float32([0.2, -1, 0]), np.float32([0.5, 1, 3])
    mean, stddev = (torch.tensor(np.asarray(a), requires_grad=True) for a in (q.mean, q.stddev))
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, stddev), normal(torch.tensor(loc), torch.tensor(scale))
    )
    expected.sum().backward()
    prior = {"loc": jnp.asarray(loc), "scale": jnp.asarray(scale)}
    gradient = wrap(jax.grad(lambda q: kl_normal(q, **prior).sum()))(q)
    np.testing.assert_allclose(
        wrap(lambda q: kl_normal_per_dimension(q, **prior))(q),
        expected.detach().numpy(),
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_allclose(gradient.mean, mean.grad.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient.stddev, stddev.grad.numpy(), rtol=1e-5, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(mean=numbers, stddev=scales, loc=numbers, scale=scales, shift=numbers, factor=scales)
def test_divergence_is_not_negative_and_ignores_the_units_of_z(mean, stddev, loc, scale, shift, factor):
    value = kl_normal(repeated(mean, stddev, 1), loc=loc, scale=scale)
    moved = kl_normal(
        repeated(mean * factor + shift, stddev * factor, 1), loc=loc * factor + shift, scale=scale * factor
    )
    assert value >= -1e-6
    error = 1e-6 * (1 + (abs(shift) + 5 * factor) / (scale * factor)) ** 2
    np.testing.assert_allclose(moved, value, rtol=1e-4, atol=error)


def test_divergence_and_gradient_vanish_at_the_prior():
    value, gradient = jax.value_and_grad(lambda q: kl_normal(q, loc=0.5, scale=2.0).sum())(
        repeated(0.5, 2.0, 3, 2)
    )
    np.testing.assert_array_equal(value, 0)
    np.testing.assert_array_equal(gradient.mean, 0)
    np.testing.assert_array_equal(gradient.stddev, 0)


def test_tiny_deviations_stay_finite():
    value, gradient = jax.value_and_grad(lambda q: kl_normal(q).sum())(repeated(0.0, 1e-30, 1))
    np.testing.assert_allclose(value, 30 * np.log(10) - 0.5, rtol=1e-6)
    np.testing.assert_allclose(gradient.stddev, -1e30, rtol=1e-5)


@wraps
def test_posterior_density_is_scipys(wrap):
    q, z = posterior(4, 3), jax.random.normal(KEY, (4, 3))
    expected = scipy.stats.norm.logpdf(z, q.mean, q.stddev).sum(1)
    np.testing.assert_allclose(wrap(posterior_log_prob)(q, z), expected, rtol=1e-5)


def test_monte_carlo_has_the_mean_and_gradient_of_the_closed_form():
    n, prior = 200_000, NormalLike(0.5, 1.5)
    noise = jax.random.normal(KEY, (n, 1))

    def estimate(mean, stddev):
        q = repeated(mean, stddev, n)
        return kl_monte_carlo(q, q.mean + q.stddev * noise, prior).mean()

    def exact(mean, stddev):
        return kl_normal(repeated(mean, stddev, 1), loc=0.5, scale=1.5)[0]

    at = jnp.float32(-0.7), jnp.float32(0.6)
    actual, expected = (jax.value_and_grad(f, (0, 1))(*at) for f in (estimate, exact))
    np.testing.assert_allclose(actual[0], expected[0], atol=0.01)
    np.testing.assert_allclose(actual[1], expected[1], atol=0.01)


def test_term_takes_the_closed_form_where_the_prior_declares_one(output, batch):
    declared = DeclaredNormal(0.5, 2.0)
    exact = sum(kl_normal(q, loc=0.5, scale=2.0) for q in output.posteriors)
    drawn = sum(
        kl_monte_carlo(q, z, declared) for q, z in zip(output.posteriors, output.latents, strict=True)
    )
    for method in ("auto", "closed_form"):
        np.testing.assert_allclose(kl(declared, method=method)(KEY, output, batch), exact, rtol=1e-6)
    np.testing.assert_allclose(kl(declared, method="monte_carlo")(KEY, output, batch), drawn, rtol=1e-6)


def test_attributes_called_loc_and_scale_do_not_make_a_prior_normal(output, batch):
    prior = NormalLike(0.5, 2.0)
    drawn = kl_monte_carlo(output.posteriors[1], output.latents[1], prior)
    np.testing.assert_allclose(kl(prior, level=2)(KEY, output, batch), drawn, rtol=1e-6)
    with pytest.raises(ValueError, match="No closed-form KL to a NormalLike"):
        kl(prior, method="closed_form")


def test_term_pairs_levels_with_priors(output, batch):
    priors = DeclaredNormal(0.0, 1.0), DeclaredNormal(1.0, 3.0)
    first = kl_normal(output.posteriors[0])
    second = kl_normal(output.posteriors[1], loc=1.0, scale=3.0)
    np.testing.assert_allclose(kl(priors)(KEY, output, batch), first + second, rtol=1e-6)
    np.testing.assert_allclose(kl(priors, level=2)(KEY, output, batch), second, rtol=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda p: kl(p, method="exact"), "auto, closed_form, monte_carlo, got 'exact'"),
        (lambda p: kl(p, level=0), "between 1 .bottom. and 2 .top. for this model, got 0"),
        (lambda p: kl(p, level=3), "between 1 .bottom. and 2 .top. for this model, got 3"),
        (lambda p: kl((p, p, p)), "The model has 2 levels, got 3 priors"),
    ],
)
def test_what_does_not_fit_is_refused(output, batch, build, message):
    with pytest.raises(ValueError, match=message):
        build(DeclaredNormal(0.0, 1.0))(KEY, output, batch)
