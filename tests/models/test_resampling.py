from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxvae.models.layers import EPSILON
from jaxvae.models.layouts import LAYOUTS
from jaxvae.models.resampling import (
    RESAMPLINGS,
    SLOPE,
    Down,
    Enlarge,
    Residual,
    Up,
    extend,
    nearest,
    smallest_side,
    unpadded_sizes,
)

KEY = jax.random.key(0)
BOTH = pytest.mark.parametrize("name", LAYOUTS)
WAYS = pytest.mark.parametrize("resampling", RESAMPLINGS)
NATIVE = LAYOUTS["native"]


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def norm_act(x, slope=SLOPE):
    """Batch normalisation with scale 1 and bias 0, and a leaky rectifier."""
    mean, var = x.mean((0, 1, 2), keepdims=True), x.var((0, 1, 2), keepdims=True)
    return nn.leaky_relu((x - mean) / jnp.sqrt(var + EPSILON), slope)


def largest_of_four(x):
    """Of every 2x2 pixels, or of those that are left of them in the last row and column."""
    rows, columns = (np.arange(0, side, 2) for side in x.shape[1:3])
    return np.maximum.reduceat(np.maximum.reduceat(x, rows, axis=1), columns, axis=2)


def apply_flax(layer, kernel, x):
    return layer.apply({"params": {"kernel": kernel}}, x)


def trained(module, variables, x, inside):
    """A module's output in training."""
    return inside.leave(module.apply(variables, inside.enter(x), True, mutable=["batch_stats"])[0])


def test_sizes_of_the_reports_two_networks():
    assert unpadded_sizes((96, 96), 4, 4) == [(96, 96), (47, 47), (22, 22), (10, 10), (4, 4)]
    assert unpadded_sizes((32, 32), 4, 3) == [(32, 32), (15, 15), (6, 6), (2, 2)]
    assert unpadded_sizes((32, 33), 3, 3) == [(32, 33), (15, 16), (7, 7), (3, 3)]


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@pytest.mark.parametrize("stages", [1, 2, 4])
def test_the_smallest_side_leaves_one_pixel_and_one_less_none(kernel, stages):
    side = smallest_side(kernel, stages)
    assert unpadded_sizes((side, side), kernel, stages)[-1] == (1, 1)
    with pytest.raises(ValueError, match="too small"):
        unpadded_sizes((side, side - 1), kernel, stages)


@BOTH
@WAYS
@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("size", [(12, 15), (13, 10)])
def test_every_way_has_the_same_sizes_up_and_down(name, resampling, kernel, size):
    inside = LAYOUTS[name]
    small = unpadded_sizes(size, kernel, 1)[1]
    down = Down(5, inside, kernel, resampling)
    up = Up(3, size, inside, kernel, resampling)

    def shapes():
        h = down.init_with_output(KEY, inside.enter(jnp.zeros((2, *size, 3))), True)[0]
        return inside.leave(h), inside.leave(up.init_with_output(KEY, h, True)[0])

    below, above = jax.eval_shape(shapes)
    assert below.shape == (2, *small, 5)
    assert above.shape == (2, *size, 3)


@BOTH
def test_down_by_stride_is_convolution_norm_and_rectifier(name):
    inside, x = LAYOUTS[name], normal(0, 4, 9, 8, 3)
    down = Down(5, inside)
    variables = down.init(KEY, inside.enter(x), True)
    kernel = variables["params"]["Conv_0"]["kernel"]
    plain = nn.Conv(5, (4, 4), (2, 2), "VALID", use_bias=False)
    expected = norm_act(apply_flax(plain, kernel, x))
    np.testing.assert_allclose(trained(down, variables, x, inside), expected, rtol=1e-4, atol=1e-4)


@BOTH
@pytest.mark.parametrize("size", [(11, 9), (12, 15), (15, 12), (14, 12)])
def test_down_by_pooling_takes_the_largest_of_four(name, size):
    inside, x = LAYOUTS[name], normal(0, 4, *size, 3)
    down = Down(5, inside, resampling="pool")
    variables = down.init(KEY, inside.enter(x), True)
    kernel = variables["params"]["Conv_0"]["kernel"]
    h = norm_act(apply_flax(nn.Conv(5, (4, 4), padding="VALID", use_bias=False), kernel, x))
    expected = largest_of_four(np.asarray(h))
    np.testing.assert_allclose(trained(down, variables, x, inside), expected, rtol=1e-4, atol=1e-4)


@BOTH
def test_enlarge_by_stride_is_the_transposed_convolution_and_copies_what_it_does_not_reach(name):
    inside, x = LAYOUTS[name], normal(0, 2, 4, 3, 5)
    enlarge = Enlarge(3, (11, 8), inside, use_bias=True)
    variables = jax.tree.map(lambda leaf: leaf + 0.1, enlarge.init(KEY, inside.enter(x)))
    params = variables["params"]["ConvTranspose_0"]
    plain = nn.ConvTranspose(3, (4, 4), (2, 2), "VALID")
    covered = plain.apply({"params": params}, x)
    assert covered.shape == (2, 10, 8, 3)
    actual = inside.leave(enlarge.apply(variables, inside.enter(x)))
    np.testing.assert_allclose(actual[:, :10], covered, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(actual[:, 10], actual[:, 9])


@BOTH
def test_enlarge_by_neighbours_convolves_what_was_repeated(name):
    inside, x = LAYOUTS[name], normal(0, 2, 4, 3, 5)
    enlarge = Enlarge(3, (10, 9), inside, resampling="pool")
    variables = enlarge.init(KEY, inside.enter(x))
    kernel = variables["params"]["ConvTranspose_0"]["kernel"]
    repeated = np.repeat(np.repeat(x, 2, 1), 2, 2)[:, :7, :6]
    plain = nn.ConvTranspose(3, (4, 4), padding="VALID", use_bias=False)
    actual = inside.leave(enlarge.apply(variables, inside.enter(x)))
    np.testing.assert_allclose(actual, apply_flax(plain, kernel, jnp.asarray(repeated)), rtol=1e-4, atol=1e-4)


@BOTH
@pytest.mark.parametrize("size", [(6, 4), (5, 3)])
def test_nearest_repeats_pixels_and_cuts(name, size):
    inside, x = LAYOUTS[name], normal(0, 2, 3, 2, 4)
    actual = inside.leave(nearest(inside.enter(x), size, inside))
    expected = np.repeat(np.repeat(x, 2, 1), 2, 2)[:, : size[0], : size[1]]
    np.testing.assert_array_equal(actual, expected)


@BOTH
def test_residual_block_is_its_formula(name):
    inside, x = LAYOUTS[name], normal(0, 4, 5, 6, 3)
    block = Residual(inside)
    variables = block.init(KEY, inside.enter(x), True)
    conv = partial(apply_flax, nn.Conv(3, (3, 3), use_bias=False))
    first, second = (variables["params"][f"Conv_{n}"]["kernel"] for n in range(2))
    h = norm_act(conv(second, norm_act(conv(first, x))), slope=1.0)
    expected = nn.leaky_relu(x + h, SLOPE)
    np.testing.assert_allclose(trained(block, variables, x, inside), expected, rtol=1e-4, atol=1e-4)


@WAYS
def test_a_residual_block_follows_where_it_is_asked_for(resampling):
    x = normal(0, 2, 10, 10, 3)
    for make in (partial(Down, 5), partial(Up, 5, (22, 22))):
        plain, more = (
            make(layout=NATIVE, resampling=resampling, residual=residual).init(KEY, x, True)["params"]
            for residual in (False, True)
        )
        assert more.keys() - plain.keys() == {"Residual_0"}


@BOTH
def test_images_are_extended_by_their_last_row_and_column(name):
    inside, x = LAYOUTS[name], normal(0, 2, 3, 4, 2)
    actual = inside.leave(extend(inside.enter(x), (5, 5), inside))
    expected = jnp.pad(x, ((0, 0), (0, 2), (0, 1), (0, 0)), mode="edge")
    np.testing.assert_array_equal(actual, expected)
