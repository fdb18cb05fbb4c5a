import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxvae.losses import compose, delta, dimension_rbf, hsic, independence, mmd2_biased, rbf
from jaxvae.types import Batch, Output, Posterior

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1, 0, -1, 1, 2])
wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])


def points(n, d, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, d)), jnp.float32)


def rbf_gram(x, bandwidth):
    return np.exp(-((x[:, None] - x[None]) ** 2).sum(-1) / (2 * bandwidth**2))


def trace(k, l):  # noqa: E741
    n = len(k)
    h = np.eye(n) - 1 / n
    return np.trace(k @ h @ l @ h) / n**2


@jax.jit
def of_labels(latents, label, mask=None):
    classes = label[:, None].astype(jnp.float32)
    return hsic(latents, classes, x_kernel=rbf(1.0), y_kernel=delta, mask=mask)


@wraps
def test_value_and_gradients_are_those_of_the_trace_in_float64(wrap):
    x, y = points(7, 3), points(7, 2, 1)

    def expected(x, y):
        return trace(rbf_gram(x, 0.8), rbf_gram(y, 1.3))

    def actual(x, y):
        return hsic(x, y, x_kernel=rbf(0.8), y_kernel=rbf(1.3))

    value, gradients = wrap(jax.value_and_grad(actual, (0, 1)))(x, y)
    x, y = np.float64(x), np.float64(y)
    np.testing.assert_allclose(value, expected(x, y), atol=1e-6)
    by_x = scipy.optimize.approx_fprime(x.ravel(), lambda a: expected(a.reshape(x.shape), y), 1e-6)
    by_y = scipy.optimize.approx_fprime(y.ravel(), lambda a: expected(x, a.reshape(y.shape)), 1e-6)
    np.testing.assert_allclose(gradients[0].ravel(), by_x, atol=1e-5)
    np.testing.assert_allclose(gradients[1].ravel(), by_y, atol=1e-5)


def test_linear_kernels_give_the_squared_norm_of_the_covariance():
    x, y = (np.float64(points(9, d, d)) for d in (3, 2))
    covariance = (x - x.mean(0)).T @ (y - y.mean(0)) / 9
    value = hsic(jnp.float32(x), jnp.float32(y), x_kernel=jnp.dot, y_kernel=jnp.dot)
    np.testing.assert_allclose(value, np.sum(covariance**2), rtol=1e-4)


@wraps
def test_padding_does_not_count(wrap):
    x, y = points(9, 3), points(9, 2, 1)
    mask = jnp.asarray([1, 0, 1, 1, 0, 1, 1, 1, 0], jnp.float32)
    measure = functools.partial(hsic, x_kernel=rbf(1.0), y_kernel=rbf(1.0))
    value, gradient = wrap(jax.value_and_grad(lambda a: measure(a, y, mask=mask)))(x)
    np.testing.assert_allclose(value, measure(x[mask == 1], y[mask == 1]), atol=1e-6)
    np.testing.assert_array_equal(gradient[mask == 0], 0)


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_example_gives_zero_without_a_gradient(count):
    mask = jnp.where(jnp.arange(4) < count, 1.0, 0.0)
    value, gradient = jax.value_and_grad(of_labels)(points(4, 2), LABEL[:4], mask)
    np.testing.assert_allclose(value, 0, atol=1e-7)
    np.testing.assert_allclose(gradient, 0, atol=1e-7)


def test_labels_all_alike_depend_on_nothing():
    value, gradient = jax.value_and_grad(of_labels)(points(11, 2), jnp.full(11, 3))
    np.testing.assert_allclose(value, 0, atol=1e-7)
    np.testing.assert_allclose(gradient, 0, atol=1e-7)


def test_of_independent_draws_it_is_as_large_as_documented():
    n = 8
    x = jax.random.normal(KEY, (4000, n, 2))
    label = jax.random.randint(jax.random.key(1), (4000, n), 0, 2)
    # E k(x, x') of two N(0, I) draws in the plane is 1 / 3, of two fair coins 1 / 2.
    expected = (1 - 1 / 3) * (1 - 1 / 2) * (n - 1) / n**2
    np.testing.assert_allclose(jax.vmap(of_labels)(x, label).mean(), expected, rtol=0.02)


@pytest.mark.parametrize("ones", [1, 4, 7])
def test_of_two_classes_it_is_the_squared_mmd_between_them(ones):
    x, label = points(12, 3), jnp.where(jnp.arange(12) < ones, 1, 0)
    p = ones / 12
    between = jax.jit(lambda a, b: mmd2_biased(a, b, kernel=rbf(1.0)))(x[:ones], x[ones:])
    np.testing.assert_allclose(of_labels(x, label), 2 * p**2 * (1 - p) ** 2 * between, rtol=1e-4)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (3, 2)])
def test_points_without_partners_are_refused(n, m):
    with pytest.raises(ValueError, match=f"hsic needs >= 1 pair of points, got {n} of x and {m} of y"):
        hsic(points(n, 2), points(m, 2), x_kernel=rbf(1.0), y_kernel=rbf(1.0))


@pytest.mark.parametrize("level", [1, 2])
def test_term_compares_one_levels_draws_with_the_labels_that_there_are(output, batch, level):
    counted = np.asarray((batch.mask == 1) & (LABEL >= 0))
    value = independence(rbf(1.0), level=level)(KEY, output, batch.replace(label=LABEL))
    expected = of_labels(output.latents[level - 1][counted], LABEL[counted])
    np.testing.assert_allclose(value, expected, atol=1e-6)


@pytest.mark.parametrize("level", [0, 3])
def test_term_refuses_a_level_that_the_model_lacks(output, batch, level):
    with pytest.raises(ValueError, match=rf"between 1 \(bottom\) and 2 \(top\) for this model, got {level}"):
        independence(rbf(1.0), level=level)(KEY, output, batch)


def value_and_gradient(encoder, batch):
    terms = {"hsic": independence(dimension_rbf(), level=1)}
    objective = compose(terms, {"hsic": 100.0})

    def loss(encoder):
        latent = batch.image.reshape(len(batch.mask), -1) @ encoder
        posterior = Posterior(mean=latent, stddev=jnp.ones_like(latent))
        output = Output(logits=batch.image, posteriors=(posterior,), latents=(latent,))
        return objective(KEY, output, batch, jnp.int32(0))[0]

    result = jax.value_and_grad(loss)(encoder)
    return result if batch.axis_name is None else jax.lax.pmean(result, batch.axis_name)


@pytest.mark.parametrize("devices", [2, 4])
def test_pmap_equals_one_device(devices):
    rng = np.random.default_rng(0)
    # Padding and labels are spread unevenly, so that a mean of the devices' own values would be wrong.
    batch = Batch(
        image=jnp.asarray(rng.random((16, 3, 4, 1)), jnp.float32),
        label=jnp.asarray([0] * 7 + [1] * 2 + [2, -1, 1, 0, 0, 2, 1]),
        mask=jnp.asarray([1.0] * 13 + [0.0] * 3),
        index=jnp.arange(16),
    )
    encoder = points(12, 2)
    expected = jax.jit(value_and_gradient)(encoder, batch)
    assert expected[0] > 0.1
    mapped = jax.pmap(
        lambda encoder, fields: value_and_gradient(encoder, Batch(**fields, axis_name="devices")),
        axis_name="devices",
        in_axes=(None, 0),
        devices=jax.devices()[:devices],
    )
    fields = {name: a.reshape(devices, -1, *a.shape[1:]) for name, a in vars(batch).items() if a is not None}
    every = mapped(encoder, fields)
    for device in range(devices):
        for actual, wanted in zip(every, expected, strict=True):
            np.testing.assert_allclose(actual[device], wanted, rtol=1e-4, atol=1e-5)
