import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tpu_products

from jaxvae.models import Mixture, fit_mixture, sample
from jaxvae.types import Prior

KEY = jax.random.key(0)
WEIGHTS = np.array([0.2, 0.5, 0.3])
MEANS = np.array([[0.0, 4.0], [-5.0, -3.0], [6.0, 0.0]])
FACTORS = np.array([[[0.5, 0.0], [0.3, 0.2]], [[1.0, 0.0], [-0.8, 0.4]], [[0.3, 0.0], [0.0, 1.2]]])
COVARIANCES = FACTORS @ FACTORS.swapaxes(1, 2)


@pytest.fixture
def mixture():
    return Mixture(*(jnp.asarray(part, jnp.float32) for part in (WEIGHTS, MEANS, FACTORS)))


def moments(points):
    """Share, mean and covariance of the points that are nearest to each mean."""
    nearest = np.argmin(np.linalg.norm(points[:, None] - MEANS, axis=-1), axis=1)
    own = [points[nearest == number] for number in range(3)]
    return [(len(part) / len(points), part.mean(0), np.cov(part.T)) for part in own]


def assert_is_the_mixture(points, *, error):
    for found, weight, mean, covariance in zip(moments(points), WEIGHTS, MEANS, COVARIANCES, strict=True):
        np.testing.assert_allclose(found[0], weight, atol=error)
        np.testing.assert_allclose(found[1], mean, atol=2 * error)
        np.testing.assert_allclose(found[2], covariance, atol=4 * error)


def test_it_is_a_prior(mixture):
    assert isinstance(mixture, Prior)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_density_is_scipys(wrap, mixture):
    z = np.random.default_rng(0).normal(0, 4, (20, 2))
    parts = [scipy.stats.multivariate_normal(m, c).logpdf(z) for m, c in zip(MEANS, COVARIANCES, strict=True)]
    expected = scipy.special.logsumexp(np.array(parts).T + np.log(WEIGHTS), axis=1)
    np.testing.assert_allclose(wrap(mixture.log_prob)(jnp.asarray(z, jnp.float32)), expected, rtol=1e-4)


def test_draws_have_the_components_shares_means_and_covariances(mixture):
    assert_is_the_mixture(np.asarray(mixture.sample(KEY, 20_000)), error=0.02)


def test_draws_of_one_key_are_the_same(mixture):
    np.testing.assert_array_equal(mixture.sample(KEY, 5), mixture.sample(KEY, 5))
    assert not np.any(mixture.sample(KEY, 5) == mixture.sample(jax.random.key(1), 5))


def test_draws_are_not_rounded_on_tpus(mixture):
    assert tpu_products.rounded(jax.jit(lambda key: mixture.sample(key, 5)), KEY) == ([], 1)


def test_points_of_another_size_are_refused(mixture):
    with pytest.raises(ValueError, match="has 2 dimensions, got codes of 3"):
        mixture.log_prob(jnp.zeros((4, 3)))


def drawn(n):
    rng = np.random.default_rng(0)
    component = rng.choice(3, n, p=WEIGHTS)
    return np.float32(MEANS[component] + np.einsum("nij,nj->ni", FACTORS[component], rng.normal(size=(n, 2))))


def test_fit_finds_the_mixture_that_codes_were_drawn_from():
    fitted = fit_mixture(jnp.asarray(drawn(5000)), components=3, covariance="full")
    weights, means, factors = map(np.asarray, (fitted.weights, fitted.means, fitted.factors))
    order = [np.argmin(np.linalg.norm(means - mean, axis=1)) for mean in MEANS]
    np.testing.assert_allclose(weights[order], WEIGHTS, atol=0.03)
    np.testing.assert_allclose(means[order], MEANS, atol=0.1)
    np.testing.assert_allclose((factors @ factors.swapaxes(1, 2))[order], COVARIANCES, atol=0.1)


def test_density_of_a_fit_is_scikit_learns():
    from sklearn.mixture import GaussianMixture

    codes = drawn(500)
    theirs = GaussianMixture(3, random_state=1).fit(np.float64(codes))
    ours = fit_mixture(codes, components=3, seed=1)
    np.testing.assert_allclose(
        ours.log_prob(jnp.asarray(codes)), theirs.score_samples(np.float64(codes)), rtol=1e-3, atol=1e-3
    )


def test_diagonal_fit_has_variances_and_no_correlations():
    codes = drawn(800)
    fitted = fit_mixture(codes, components=1, covariance="diag")
    np.testing.assert_allclose(fitted.factors[0] ** 2, np.diag(codes.var(0)), rtol=1e-3, atol=1e-5)


def test_one_full_component_is_the_gaussian_of_the_codes():
    codes = drawn(800)
    fitted = fit_mixture(codes, components=1)
    np.testing.assert_allclose(
        fitted.factors[0] @ fitted.factors[0].T, np.cov(codes.T, bias=True), rtol=1e-3, atol=1e-4
    )


def test_fewer_codes_than_dimensions_still_make_a_density():
    codes = np.float32(np.random.default_rng(0).normal(size=(8, 20)))
    assert np.isfinite(fit_mixture(codes, components=2, covariance="full").sample(KEY, 50)).all()


@pytest.mark.parametrize(("n", "covariance"), [(60, "full"), (59, "diag")])
def test_full_covariances_are_fitted_to_ten_codes_for_each_of_their_numbers(n, covariance, caplog):
    codes = np.float32(np.random.default_rng(0).normal(size=(n, 3)))
    with caplog.at_level("INFO", logger="jaxvae"):
        chosen = fit_mixture(codes, components=2)
    said = f"mixture of 2 Gaussians, covariance {covariance}, fitted to {n} codes of 3 numbers"
    assert caplog.messages == [said]
    asked = fit_mixture(codes, components=2, covariance=covariance)
    np.testing.assert_array_equal(chosen.factors, asked.factors)
    assert np.any(np.tril(chosen.factors, -1)) == (covariance == "full")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"components": 0}, "one for each of 6 codes, got 0"),
        ({"components": 7}, "one for each of 6 codes, got 7"),
        ({"components": 1, "covariance": "tied"}, "covariance must be one of full, diag, got 'tied'"),
        ({"components": 1, "codes": np.float32([[0, 1], [np.nan, 2]])}, "finite codes, got NaN"),
    ],
)
def test_what_cannot_be_fitted_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        fit_mixture(**({"codes": drawn(6)} | changes))


def test_a_mixture_takes_the_place_of_a_models_prior(mixture):
    from jaxvae.models import VAE, decode, init

    model = VAE((8, 8, 1), 2, (2,))
    variables = init(KEY, model)
    expected = decode(model, variables, (mixture.sample(jax.random.fold_in(KEY, 0), 3),))
    np.testing.assert_array_equal(sample(KEY, model, variables, 3, priors=(mixture,)), expected)
