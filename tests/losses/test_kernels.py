import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial.distance as distance
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxvae.losses import RadialKernel, dimension_rbf, gram, inverse_multiquadratic, median_bandwidth, rbf

wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
KERNELS = {
    "rbf": rbf(0.7),
    "several": rbf(0.5, 1.0, 4.0),
    "d": dimension_rbf(power=1),
    "d squared": dimension_rbf(power=2),
    "imq": inverse_multiquadratic(0.1, 1.0, 10.0),
}
kernels = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS.keys())
FORMULAS = {
    "rbf": lambda r2, d: np.exp(-r2 / (2 * 0.7**2)),
    "several": lambda r2, d: np.mean([np.exp(-r2 / (2 * s**2)) for s in (0.5, 1, 4)], 0),
    "d": lambda r2, d: np.exp(-r2 / d),
    "d squared": lambda r2, d: np.exp(-r2 / d**2),
    "imq": lambda r2, d: np.mean([2 * d * s / (2 * d * s + r2) for s in (0.1, 1, 10)], 0),
}


SQUARED = RadialKernel(lambda squared, d: squared)


def points(n, d, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, d)), jnp.float32)


@wraps
@pytest.mark.parametrize("name", KERNELS)
def test_kernel_and_gram_have_the_documented_formula(wrap, name):
    x, y, kernel = points(6, 3), points(4, 3, 1), KERNELS[name]
    expected = FORMULAS[name](distance.cdist(x, y, "sqeuclidean"), 3)
    np.testing.assert_allclose(wrap(lambda x, y: gram(kernel, x, y))(x, y), expected, atol=1e-6)
    np.testing.assert_allclose(wrap(kernel)(x[0], y[0]), expected[0, 0], rtol=1e-5)


@pytest.mark.parametrize("d", [16, 35])
def test_many_dimensions_are_added_up_in_parts(d):
    x, y = points(5, d), points(6, d, 1)
    squared, gradients = jax.value_and_grad(lambda x, y: gram(SQUARED, x, y).sum(), (0, 1))(x, y)
    np.testing.assert_allclose(squared, distance.cdist(x, y, "sqeuclidean").sum(), rtol=1e-5)
    np.testing.assert_allclose(gradients[0], 2 * (6 * x - y.sum(0, keepdims=True)), rtol=1e-4)
    np.testing.assert_allclose(gradients[1], 2 * (5 * y - x.sum(0, keepdims=True)), rtol=1e-4)


@kernels
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_fast_gram_equals_the_plain_one_in_value_and_gradient(kernel, offset):
    x, y = points(9, 4) + np.float32(offset), points(7, 4, 1) + np.float32(offset)
    weights = points(9, 7, 2)

    def plain(x, y):
        return jnp.sum(weights * gram(lambda a, b: kernel(a, b), x, y))

    def fast(x, y):
        return jnp.sum(weights * gram(kernel, x, y))

    # The generator of code that users have, not the one that the tests compile quickly with: far from 0 it rounds less.
    quick = "xla_cpu_use_fusion_emitters" in os.environ["XLA_FLAGS"]
    options = {"xla_cpu_use_fusion_emitters": True} if quick else None
    compiled = (jax.jit(jax.value_and_grad(f, (0, 1)), compiler_options=options) for f in (plain, fast))
    expected, actual = (f(x, y) for f in compiled)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=5e-6), actual, expected)


@kernels
def test_gradient_of_coinciding_and_nearly_coinciding_points(kernel):
    x = points(5, 3) * 10
    y = x + np.float32([[0], [1e-6], [1e-3], [1e-2], [0]])

    def total(k):
        return jax.jacobian(lambda x: jnp.diagonal(gram(k, x, y)).sum())(x)

    np.testing.assert_allclose(total(kernel), total(lambda a, b: kernel(a, b)), atol=1e-4)
    itself = jax.grad(lambda x: jnp.trace(gram(kernel, x, x)))(x)
    np.testing.assert_allclose(itself, 0, atol=1e-4)


@kernels
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), spread=st.floats(0.01, 100))
def test_gram_is_symmetric_positive_and_one_on_the_diagonal(kernel, seed, spread):
    x = points(12, 4, seed) * np.float32(spread)
    matrix = np.asarray(gram(kernel, x, x), np.float64)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    assert matrix.max() <= 1
    assert np.linalg.eigvalsh((matrix + matrix.T) / 2).min() > -1e-2 * min(1, spread)


def test_any_function_of_two_points_is_a_kernel():
    x, y = points(3, 2), points(4, 2, 1)
    np.testing.assert_allclose(gram(jnp.dot, x, y), x @ y.T, rtol=1e-5)


def test_typical_values_of_the_d_scaled_kernel_do_not_depend_on_d():
    def mean(d):
        return gram(dimension_rbf(power=1), points(300, d), points(300, d, 1)).mean()

    np.testing.assert_allclose(mean(64), np.exp(-2), atol=0.02)
    np.testing.assert_allclose(mean(512), np.exp(-2), atol=0.01)


def test_replicas_may_differ_in_bandwidth():
    x = points(4, 2)
    stacked = jax.vmap(lambda s: gram(rbf(s), x, x))(jnp.asarray([0.5, 2.0]))
    np.testing.assert_allclose(stacked[1], gram(rbf(2.0), x, x), atol=1e-6)


@wraps
@pytest.mark.parametrize("n", [2, 21])
def test_median_bandwidth_is_the_median_distance(wrap, n):
    x = points(n, 5)
    np.testing.assert_allclose(wrap(median_bandwidth)(x), np.median(distance.pdist(x)), rtol=1e-4)


@pytest.mark.parametrize(("scale", "distant"), [(1, 1e6), (1, 1e30), (1e20, 0)])
def test_median_bandwidth_of_any_finite_points(scale, distant):
    x = points(40, 2) * np.float32(scale)
    x = x.at[0].set(distant) if distant else x
    expected = np.median(distance.pdist(np.float64(x)))
    np.testing.assert_allclose(jax.jit(median_bandwidth)(x), expected, rtol=1e-5)


def test_median_bandwidth_is_a_constant_and_survives_equal_points():
    x = points(6, 2)
    np.testing.assert_array_equal(jax.grad(median_bandwidth)(x), 0)
    same = jnp.ones((6, 2))
    value, gradient = jax.value_and_grad(lambda x: gram(rbf(median_bandwidth(x)), x, x).sum())(same)
    np.testing.assert_allclose(value, 36)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: rbf(), "bandwidths must be one or several positive numbers"),
        (lambda: rbf(1.0, 0.0), "bandwidths must be one or several positive numbers"),
        (lambda: rbf(float("nan")), "bandwidths must be one or several positive numbers"),
        (lambda: inverse_multiquadratic(-1.0), "scales must be one or several positive numbers"),
        (lambda: dimension_rbf(power=3), "power must be 1 .* or 2 .*, got 3"),
        (lambda: median_bandwidth(jnp.ones((1, 2))), "needs >= 2 points, got 1"),
    ],
)
def test_nonsense_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def largest_array(f, *args):
    return max(v.aval.size for equation in jax.make_jaxpr(f)(*args).eqns for v in equation.outvars)


@kernels
def test_fast_gram_makes_no_array_of_all_differences(kernel):
    x, y = points(20, 8), points(30, 8, 1)
    assert largest_array(lambda x, y: gram(lambda a, b: kernel(a, b), x, y), x, y) >= 20 * 30 * 8
    assert largest_array(lambda x, y: gram(kernel, x, y), x, y) <= 20 * 30 * 3
