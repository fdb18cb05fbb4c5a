"""Convolutions and pools of the Inception network in the forms that are fast on CPU, against the plain ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import lax

from jaxvae.evaluate import inception

CASES = [
    (17, (1, 7), 1, "SAME"),
    (17, (7, 1), 1, "SAME"),
    (17, (3, 3), 2, "VALID"),
    (17, (3, 3), 1, "VALID"),
    (8, (3, 3), 1, "SAME"),
    (18, (5, 5), 1, "SAME"),
    (21, (3, 3), 2, "VALID"),
    (20, (3, 3), 2, "VALID"),
    (20, (1, 1), 1, "SAME"),
]


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float32, 1e-5), (jnp.bfloat16, 1e-2)])
@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), CASES)
@pytest.mark.parametrize("channels", [3, 8])
def test_a_convolution_is_laxs(size, kernel, stride, padding, channels, dtype, tolerance):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, size, size, channels)), dtype)
    weights = jnp.asarray(rng.normal(size=(*kernel, channels, 5)), dtype)
    actual = jax.jit(inception._convolve, static_argnums=(2, 3))(x, weights, stride, padding)
    expected = lax.conv_general_dilated(
        x.astype(jnp.float32),
        weights.astype(jnp.float32),
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    assert actual.dtype == jnp.float32
    np.testing.assert_allclose(
        actual, expected, rtol=tolerance, atol=tolerance * float(jnp.abs(expected).max())
    )


@pytest.mark.parametrize("size", [7, 8])
def test_pools_are_flax_s(size):
    x = jnp.asarray(np.random.default_rng(0).random((2, size, size + 1, 3)), jnp.float32)
    shrunk, largest = nn.max_pool(x, (3, 3), (2, 2)), nn.max_pool(x, (3, 3), padding="SAME")
    mean = nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=False)
    np.testing.assert_array_equal(inception._shrink(x), shrunk)
    np.testing.assert_array_equal(inception._maximum(x), largest)
    np.testing.assert_allclose(inception._average(x), mean, rtol=1e-6)
