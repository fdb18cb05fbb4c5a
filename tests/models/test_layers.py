import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import lax

from jaxvae.models.layers import EPSILON, MOMENTUM, Conv, ConvTranspose, Dense, NormAct, max_pool, unflatten
from jaxvae.models.layouts import LAYOUTS, layout
from jaxvae.models.layouts.norm import norm_act

KEY = jax.random.key(0)
SCALE, BIAS = jnp.array([0.5, 1.5, -1.0]), jnp.array([0.1, -0.2, 0.3])
PIVOT = jnp.array([0.0, 0.5, 1.0])
BOTH = pytest.mark.parametrize("name", LAYOUTS)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(0.4, 1.3, size=shape), jnp.float32)


def flax_norm_act(slope, train, x, scale, bias, statistics):
    norm = nn.BatchNorm(not train, momentum=MOMENTUM, epsilon=EPSILON, use_fast_variance=False)
    variables = {"params": {"scale": scale, "bias": bias}, "batch_stats": statistics}
    y, updated = norm.apply(variables, x, mutable=["batch_stats"])
    return nn.leaky_relu(y, slope), updated["batch_stats"]


def own_norm_act(slope, train, x, scale, bias, statistics):
    variables = {"params": {"scale": scale, "bias": bias}, "batch_stats": statistics}
    y, updated = NormAct(slope=slope).apply(variables, x, train, mutable=["batch_stats"])
    return y, updated["batch_stats"]


@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_norm_act_is_flaxs_batch_norm_and_rectifier(slope, train):
    x, weights = normal(0, 4, 3, 2, 3), normal(1, 4, 3, 2, 3)
    statistics = {"mean": jnp.array([0.0, 0.5, 1.0]), "var": jnp.array([1.0, 0.5, 2.0])}

    @partial(jax.jit, static_argnums=0)
    def value_and_gradients(function, x, scale, bias):
        y, pullback, updated = jax.vjp(
            lambda *a: function(slope, train, *a, statistics), x, scale, bias, has_aux=True
        )
        return y, updated, pullback(weights)

    actual = value_and_gradients(own_norm_act, x, SCALE, BIAS)
    expected = value_and_gradients(flax_norm_act, x, SCALE, BIAS)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5), actual, expected)
    changed = not np.allclose(actual[1]["mean"], statistics["mean"])
    assert changed == train


def test_norm_act_finds_the_channels_on_any_axis():
    x = normal(0, 4, 5, 2, 3)
    last = norm_act(x, SCALE, BIAS, PIVOT, -1, 0.2, EPSILON, None)
    first = norm_act(x.transpose(3, 1, 2, 0), SCALE, BIAS, PIVOT, 0, 0.2, EPSILON, None)
    np.testing.assert_allclose(first[0].transpose(3, 1, 2, 0), last[0], atol=1e-6)
    np.testing.assert_allclose(first[1:], last[1:], rtol=1e-6)


@pytest.mark.parametrize("devices", [2, 4])
def test_norm_act_shares_statistics_over_devices(devices):
    x, weights = normal(0, 8, 3, 2, 3), normal(1, 8, 3, 2, 3)

    def results(axis_name, x, weights, scale, bias):
        def loss(x, scale, bias):
            y, *statistics = norm_act(x, scale, bias, PIVOT, -1, 0.2, EPSILON, axis_name)
            return jnp.mean(weights * y), (y, statistics)

        (_, (y, statistics)), (dx, *d) = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(x, scale, bias)
        return (y, dx), (statistics, d if axis_name is None else lax.pmean(d, axis_name))

    (y, dx), shared = jax.jit(partial(results, None))(x, weights, SCALE, BIAS)
    spread = jax.pmap(
        partial(results, "data"),
        "data",
        in_axes=(0, 0, None, None),
        out_axes=(0, None),
        devices=jax.devices()[:devices],
    )
    split = [a.reshape(devices, -1, *a.shape[1:]) for a in (x, weights)]
    compiled = spread.lower(*split, SCALE, BIAS).compile().as_text()
    assert (
        len(re.findall(r"= all-reduce(?:-start)?\(", compiled)) <= 3
    )  # forward, backward, and the mean above
    (y_parts, dx_parts), shared_spread = spread(*split, SCALE, BIAS)
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    close(y_parts.reshape(y.shape), y)
    close(dx_parts.reshape(dx.shape) / devices, dx)
    jax.tree.map(close, shared_spread, shared)


@pytest.mark.parametrize("far", [0, 3, -1e4], ids=["at 0", "near 0", "far from 0"])
def test_statistics_are_float64s_whatever_the_mean(far):
    x = np.float32(far + normal(0, 64, 7, 7, 3))
    before = x[:32].mean((0, 1, 2)) + 1  # the batches' before, nearly a standard deviation from the mean
    _, mean, var = norm_act(jnp.asarray(x), SCALE, BIAS, jnp.asarray(before), -1, 0.2, EPSILON, None)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean((0, 1, 2)), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(var, exact.var((0, 1, 2)), rtol=3e-6)


def test_norm_act_of_constant_images_is_finite():
    y, pullback = jax.vjp(
        lambda x: norm_act(x, SCALE, BIAS, PIVOT, -1, 0.0, EPSILON, None)[0], jnp.ones((4, 2, 2, 3))
    )
    np.testing.assert_allclose(y, jnp.broadcast_to(jnp.maximum(BIAS, 0), y.shape), atol=1e-4)
    assert np.isfinite(pullback(y)[0]).all()


@BOTH
@pytest.mark.parametrize("padding", ["SAME", "VALID", ((1, 1), (0, 2))])
def test_conv_has_flaxs_parameters_and_values(name, padding):
    x, inside = normal(0, 2, 9, 8, 3), LAYOUTS[name]
    own = Conv(2, inside, (4, 3), (2, 1), padding, use_bias=True)
    variables = own.init(KEY, inside.enter(x))
    variables = jax.tree.map(lambda leaf: leaf + 0.1, variables)
    flax = nn.Conv(2, (4, 3), (2, 1), padding)
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, flax.init(KEY, x))
    actual = inside.leave(own.apply(variables, inside.enter(x)))
    np.testing.assert_allclose(actual, flax.apply(variables, x), rtol=1e-5, atol=1e-5)


@BOTH
def test_conv_transpose_has_flaxs_parameters_and_values(name):
    x, inside = normal(0, 2, 3, 4, 3), LAYOUTS[name]
    own = ConvTranspose(2, (6, 8), inside, use_bias=True)
    variables = jax.tree.map(lambda leaf: leaf + 0.1, own.init(KEY, inside.enter(x)))
    flax = nn.ConvTranspose(2, (4, 4), (2, 2))
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, flax.init(KEY, x))
    actual = inside.leave(own.apply(variables, inside.enter(x)))
    np.testing.assert_allclose(actual, flax.apply(variables, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(7, 8), (8, 7)])
def test_conv_transpose_reaches_odd_sizes(size):
    inside = layout("native")
    small = Conv(2, inside).init_with_output(KEY, jnp.zeros((1, *size, 1)))[0]
    assert small.shape == (1, 4, 4, 2)
    assert ConvTranspose(1, size, inside).init_with_output(KEY, small)[0].shape == (1, *size, 1)


def test_conv_transpose_refuses_a_size_that_it_does_not_mirror():
    expected = r"the convolution from \(9, 8\) gives \(5, 4\), .* got \(4, 4\)"
    with pytest.raises(ValueError, match=expected):
        ConvTranspose(1, (9, 8), layout("native")).init(KEY, jnp.zeros((1, 4, 4, 2)))


@BOTH
@pytest.mark.parametrize("use_bias", [True, False])
def test_dense_flattens_images_as_flax_does_on_nhwc(name, use_bias):
    x, inside, g = normal(0, 2, 3, 4, 5), LAYOUTS[name], normal(1, 2, 6)
    own, flax = Dense(6, inside, use_bias=use_bias), nn.Dense(6, use_bias=use_bias)
    variables = jax.tree.map(lambda leaf: leaf + 0.1, own.init(KEY, inside.enter(x)))
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, flax.init(KEY, x.reshape(2, -1)))

    actual = jax.vjp(lambda variables, x: own.apply(variables, inside.enter(x)), variables, x)
    expected = jax.vjp(lambda variables, x: flax.apply(variables, x.reshape(2, -1)), variables, x)
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    jax.tree.map(close, (actual[0], actual[1](g)), (expected[0], expected[1](g)))


@BOTH
def test_dense_on_vectors_is_flaxs(name):
    x = normal(0, 3, 7)
    variables = Dense(6, LAYOUTS[name]).init(KEY, x)
    actual, expected = (layer.apply(variables, x) for layer in (Dense(6, LAYOUTS[name]), nn.Dense(6)))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@BOTH
def test_unflatten_is_in_height_width_channel_order(name):
    x, inside = normal(0, 2, 3, 4, 5), LAYOUTS[name]
    np.testing.assert_array_equal(inside.leave(unflatten(x.reshape(2, -1), (3, 4), inside)), x)


@BOTH
@pytest.mark.parametrize("size", [(6, 8), (5, 8), (1, 3)])
def test_max_pool_is_laxs(name, size):
    inside = LAYOUTS[name]
    x = normal(0, 4, *size, 3) - 5.0
    odd = [(0, n % 2) for n in size]

    def plain(x):
        window = (1, 2, 2, 1)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, window, ((0, 0), *odd, (0, 0)))

    def pooled(x):
        return inside.leave(max_pool(inside.enter(x), inside))

    (actual, own), (expected, laxs) = (jax.vjp(function, x) for function in (pooled, plain))
    np.testing.assert_array_equal(actual, expected)
    g = normal(1, *expected.shape)
    np.testing.assert_array_equal(own(g)[0], laxs(g)[0])


def test_max_pool_shares_its_gradient_among_equals():
    gradient = jax.grad(lambda x: max_pool(x, LAYOUTS["native"]).sum())(jnp.zeros((1, 2, 2, 1)))
    np.testing.assert_array_equal(gradient, jnp.full((1, 2, 2, 1), 0.25))
