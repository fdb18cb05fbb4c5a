import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.spatial

from jaxvae.losses import dimension_rbf, inverse_multiquadratic, mmd, mmd2, mmd2_biased, rbf

KEY = jax.random.key(0)
wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
estimators = pytest.mark.parametrize("estimate", [mmd2, mmd2_biased], ids=["unbiased", "biased"])


def points(n, d, seed=0, mean=0.0):
    return jnp.asarray(np.random.default_rng(seed).normal(mean, size=(n, d)), jnp.float32)


def rbf_by_loops(x, y, bandwidth, *, unbiased):
    def k(a, b):
        return np.exp(-np.sum((a - b) ** 2) / (2 * bandwidth**2))

    def keep(i, j):
        return i != j or not unbiased

    def within(a):
        return np.mean([k(p, q) for i, p in enumerate(a) for j, q in enumerate(a) if keep(i, j)])

    return within(x) + within(y) - 2 * np.mean([k(p, q) for p in x for q in y])


@wraps
@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 9)])
def test_unbiased_linear_kernel_has_closed_form(wrap, n, m):
    x, y = points(n, 3), points(m, 3, 1, mean=1.0)

    def noise(a):
        return a.var(0, ddof=1).sum() / len(a)

    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) - noise(x) - noise(y)
    np.testing.assert_allclose(wrap(lambda a, b: mmd2(a, b, kernel=jnp.dot))(x, y), expected, rtol=1e-5)


@wraps
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (5, 9)])
def test_biased_linear_kernel_is_the_squared_distance_of_means(wrap, n, m):
    x, y = points(n, 3), points(m, 3, 1, mean=1.0)
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2)
    np.testing.assert_allclose(
        wrap(lambda a, b: mmd2_biased(a, b, kernel=jnp.dot))(x, y), expected, rtol=1e-5
    )


@wraps
@pytest.mark.parametrize(("estimate", "unbiased"), [(mmd2, True), (mmd2_biased, False)])
def test_value_and_gradient_are_those_of_the_sums_in_float64(wrap, estimate, unbiased):
    x, y = points(6, 2), points(4, 2, 1, mean=0.5)

    def loops(a):
        return rbf_by_loops(a.reshape(x.shape), np.float64(y), 0.8, unbiased=unbiased)

    value, gradient = wrap(jax.value_and_grad(lambda a: estimate(a, y, kernel=rbf(0.8))))(x)
    np.testing.assert_allclose(value, loops(np.float64(x)), atol=1e-6)
    expected = scipy.optimize.approx_fprime(np.float64(x).ravel(), loops, 1e-6)
    np.testing.assert_allclose(gradient.ravel(), expected, atol=1e-5)


def in_float64(x, y, *, unbiased):
    """Squared MMD with a bandwidth of 1, and its gradient with respect to x."""

    def gram(a, b):
        return np.exp(-scipy.spatial.distance.cdist(a, b, "sqeuclidean") / 2)

    x, y = np.float64(x), np.float64(y)
    n, m, same = len(x), len(y), int(unbiased)
    within, across = gram(x, x), gram(x, y)
    value = (within.sum() - same * n) / (n * (n - same)) + (gram(y, y).sum() - same * m) / (m * (m - same))
    pull = [np.einsum("ij,ijd->id", k, a[None] - x[:, None]) for k, a in ((within, x), (across, y))]
    return value - 2 * across.mean(), 2 * pull[0] / (n * (n - same)) - 2 * pull[1] / (n * m)


APART = {
    "one distant point": (lambda x: x.at[0].set(1e6), 1e-6),
    "one far beyond float32's squares": (lambda x: x.at[0].set(1e30), 1e-6),
    "all far apart": (lambda x: x * 1e20, 1e-6),
    "two clusters": (lambda x: x.at[::2].add(1e4), 1e-4),
    "few in one place": (lambda x: x.at[:3].add(3e5), 1e-4),
}
"""Ways to move points, and how far the gradient may be off."""


@pytest.mark.parametrize(("move", "error"), APART.values(), ids=APART)
@pytest.mark.parametrize(("estimate", "unbiased"), [(mmd2, True), (mmd2_biased, False)])
def test_the_value_of_any_finite_codes_is_exact(estimate, unbiased, move, error):
    x, y = move(points(60, 2)), points(50, 2, 1)
    measure = jax.jit(jax.value_and_grad(partial(estimate, kernel=rbf(1.0)), (0, 1)))
    for a, b in ((x, y), (y, x)):
        value, gradients = measure(a, b)
        np.testing.assert_allclose(value, in_float64(a, b, unbiased=unbiased)[0], atol=1e-6)
        for gradient, (one, other) in zip(gradients, ((a, b), (b, a)), strict=True):
            expected = in_float64(one, other, unbiased=unbiased)[1]
            np.testing.assert_allclose(gradient, expected, atol=error)
        assert unbiased or value >= 0


@estimators
@pytest.mark.parametrize("kernel", [dimension_rbf(), inverse_multiquadratic(0.5, 2.0)])
@pytest.mark.parametrize("block_size", [None, 3])
def test_fast_and_blockwise_ways_equal_the_plain_one(estimate, kernel, block_size):
    x, y, mask = points(10, 4), points(7, 4, 1), jnp.asarray([1.0] * 6 + [0.0, 1.0, 1.0, 0.0])

    def plain(x):
        return estimate(x, y, kernel=lambda a, b: kernel(a, b), mask=mask)

    def other(x):
        return estimate(x, y, kernel=kernel, mask=mask, block_size=block_size)

    expected, actual = (jax.jit(jax.value_and_grad(f))(x) for f in (plain, other))
    np.testing.assert_allclose(actual[0], expected[0], atol=1e-6)
    np.testing.assert_allclose(actual[1], expected[1], atol=1e-6)


@estimators
@wraps
def test_padding_does_not_count(estimate, wrap):
    x, y = points(9, 3), points(5, 3, 1)
    mask = jnp.asarray([1, 0, 1, 1, 0, 1, 1, 1, 0], jnp.float32)
    value, gradient = wrap(jax.value_and_grad(lambda a: estimate(a, y, kernel=rbf(1.0), mask=mask)))(x)
    np.testing.assert_allclose(value, estimate(x[mask == 1], y, kernel=rbf(1.0)), atol=1e-6)
    np.testing.assert_array_equal(gradient[mask == 0], 0)


@estimators
@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_example_gives_a_finite_loss(estimate, count):
    mask = jnp.where(jnp.arange(4) < count, 1.0, 0.0)
    y = points(4, 2, 1)
    value, gradient = jax.jit(jax.value_and_grad(lambda a: estimate(a, y, kernel=rbf(1.0), mask=mask)))(
        points(4, 2)
    )
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.any(gradient != 0) == bool(count)


def test_unbiased_estimate_centres_on_zero_and_the_biased_one_does_not():
    sets = jax.random.normal(KEY, (2, 4000, 8, 2))

    def mean(f):
        return jax.vmap(lambda x, y: f(x, y, kernel=rbf(1.0)))(*sets).mean()

    # Of two N(0, I) draws the squared distance is 2 times a chi-squared with 2 degrees: E k(x, x') = 1 / 3.
    np.testing.assert_allclose(mean(mmd2), 0, atol=0.005)
    np.testing.assert_allclose(mean(mmd2_biased), 2 / 8 * (1 - 1 / 3), atol=0.005)


def test_population_value_of_two_shifted_normals():
    x, y = points(2000, 1), points(2000, 1, 1, mean=2.0)
    # E k(x, y) for x - y ~ N(m, 2) and bandwidth 1 is exp(-m^2 / 6) / sqrt(3).
    expected = 2 * (1 - np.exp(-4 / 6)) / np.sqrt(3)
    np.testing.assert_allclose(mmd2(x, y, kernel=rbf(1.0)), expected, atol=0.03)


@estimators
def test_equal_points_have_no_divergence_and_no_gradient(estimate):
    x = jnp.ones((5, 3))
    value, gradient = jax.value_and_grad(lambda a: estimate(a, x, kernel=rbf(1.0)))(x)
    np.testing.assert_allclose(value, 0, atol=1e-6)
    np.testing.assert_array_equal(gradient, 0)


def test_too_few_points_or_other_dimensions_are_refused():
    with pytest.raises(ValueError, match="mmd2 needs >= 2 points per set, got 1 and 3"):
        mmd2(points(1, 2), points(3, 2), kernel=rbf(1.0))
    with pytest.raises(ValueError, match="mmd2_biased needs >= 1 point per set, got 3 and 0"):
        mmd2_biased(points(3, 2), points(0, 2), kernel=rbf(1.0))


class Shifted:
    """A prior whose draws the tests can repeat."""

    def __init__(self, dim):
        self.dim = dim

    def sample(self, key, n):
        return 1 + jax.random.normal(key, (n, self.dim))

    def log_prob(self, z):
        return jnp.sum(jax.scipy.stats.norm.logpdf(z, 1.0), 1)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("name", "estimate"), [("unbiased", mmd2), ("biased", mmd2_biased)])
def test_term_compares_each_level_with_fresh_prior_draws(output, batch, name, estimate, shared):
    output = dataclasses.replace(
        output, latents=(*output.latents, jnp.sin(output.latents[0]))
    )  # sizes 2, 3, 2
    first, second, third = Shifted(2), Shifted(3), Shifted(2)
    priors, kernel = (first, second, first if shared else third), dimension_rbf()
    expected = [
        estimate(z, p.sample(jax.random.fold_in(KEY, level), 8), kernel=kernel, mask=batch.mask)
        for level, (p, z) in enumerate(zip(priors, output.latents, strict=True))
    ]
    one = mmd(priors, kernel, level=2, estimator=name)(KEY, output, batch)
    every = mmd(priors, kernel, estimator=name)(KEY, output, batch)
    np.testing.assert_allclose(one, expected[1], rtol=1e-6)
    np.testing.assert_allclose(every, sum(expected), rtol=1e-6)


def test_levels_that_share_a_prior_are_drawn_in_one_pass_of_the_generator(output, batch):
    three = dataclasses.replace(output, latents=output.latents[:1] * 3)
    term = mmd(Shifted(2), rbf(1.0))
    assert str(jax.make_jaxpr(term)(KEY, three, batch)).count("random_bits") == 1


def test_unknown_estimator_lists_the_known():
    with pytest.raises(ValueError, match="unbiased, biased, got 'linear'"):
        mmd(Shifted(2), rbf(1.0), estimator="linear")
