"""What is written for XLA:CPU computes the same as what it stands for, and reaches the compiled program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxvae import xla


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_rows_are_those_of_an_index(dtype):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 5)), dtype)
    index = np.array([5, 0, 0, 3], np.int32)
    found = jax.jit(lambda x: xla.take_rows(x, index))(x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, x.reshape(6, 5)[index])


def test_barriers_hold_in_what_is_compiled():
    def total(x):
        return jnp.sum(lax.optimization_barrier(jnp.log(x)))

    def compiled(function):
        return function.lower(jnp.ones(8)).compile().as_text()

    assert "opt-barrier" in compiled(xla.jit(total))
    assert "opt-barrier" not in compiled(jax.jit(total))
    np.testing.assert_allclose(xla.jit(total)(jnp.full(8, 2.0)), 8 * np.log(2), rtol=1e-6)
