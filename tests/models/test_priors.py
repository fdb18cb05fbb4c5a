import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxvae.models.priors import Normal

KEY = jax.random.key(0)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (-2.0, 0.3), (1.0, 1e-3)])
def test_density_is_scipys(wrap, loc, scale):
    z = loc + scale * jax.random.normal(KEY, (5, 3))
    expected = scipy.stats.norm.logpdf(z, loc, scale).sum(1)
    np.testing.assert_allclose(wrap(Normal(dim=3, loc=loc, scale=scale).log_prob)(z), expected, rtol=1e-4)


@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (3.0, 0.5)])
def test_draws_have_the_distribution(loc, scale):
    draws = np.asarray(Normal(dim=2, loc=loc, scale=scale).sample(KEY, 2000))
    assert draws.shape == (2000, 2)
    for column in draws.T:
        assert scipy.stats.kstest(column, scipy.stats.norm(loc, scale).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.08


def test_score_points_to_the_mean():
    z = jax.random.normal(KEY, (4, 2))
    score = jax.grad(lambda z: Normal(dim=2, loc=1.0, scale=2.0).log_prob(z).sum())(z)
    np.testing.assert_allclose(score, (1 - z) / 4, rtol=1e-5)


def test_says_that_it_is_normal():
    assert Normal(dim=1, loc=0.5, scale=2.0).normal_parameters == (0.5, 2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dim": 0}, "dim >= 1, got 0"),
        ({"dim": 2, "loc": float("nan")}, "loc must be finite, got nan"),
        ({"dim": 2, "scale": 0.0}, "scale must be positive and finite, got 0.0"),
        ({"dim": 2, "scale": -1.0}, "scale must be positive and finite, got -1.0"),
    ],
)
def test_nonsense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Normal(**arguments)


def test_points_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match="has 2 dimensions, got codes of 3"):
        Normal(dim=2).log_prob(jnp.zeros((1, 3)))


@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (1.0, 2.0)])
def test_quantile_inverts_the_distribution_function(loc, scale):
    share = np.linspace(0.01, 0.99, 9, dtype=np.float32)
    actual = Normal(dim=2, loc=loc, scale=scale).quantile(jnp.asarray(share))
    np.testing.assert_allclose(actual, scipy.stats.norm.ppf(share, loc, scale), rtol=1e-4, atol=1e-5)
