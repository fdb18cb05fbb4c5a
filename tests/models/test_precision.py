"""What `precision="bfloat16"` rounds, and what it leaves alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.models.layouts import LAYOUTS, layout

BOTH = pytest.mark.parametrize("name", LAYOUTS)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def rounded(x):
    return x.astype(jnp.bfloat16).astype(jnp.float32)


def operation(name, kind, precision):
    """A layer's operation on NHWC images or vectors, as a function of input and kernel."""
    chosen = layout(name, precision=precision)
    pixels = ((1, 1), (1, 1))
    return {
        "dense": lambda x, k: chosen.dense(x, k),
        "flat_dense": lambda x, k: chosen.flat_dense(chosen.enter(x), k),
        "conv": lambda x, k: chosen.leave(chosen.conv(chosen.enter(x), k, (2, 2), pixels)),
        "conv_transpose": lambda x, k: chosen.leave(
            chosen.conv_transpose(chosen.enter(x), k, (2, 2), pixels, (12, 12))
        ),
    }[kind]


SHAPES = {
    "dense": ((6, 40), (40, 5)),
    "flat_dense": ((6, 6, 6, 4), (144, 5)),
    "conv": ((6, 12, 12, 3), (4, 4, 3, 5)),
    "conv_transpose": ((6, 6, 6, 3), (4, 4, 3, 5)),
}


@BOTH
@pytest.mark.parametrize("kind", SHAPES)
def test_operands_are_rounded_and_sums_are_not(name, kind):
    x, kernel = (normal(i, *shape) for i, shape in enumerate(SHAPES[kind]))
    options = dict(LAYOUTS[name].compiler_options)
    exact, narrow = (operation(name, kind, p) for p in ("float32", "bfloat16"))
    g = normal(2, *jax.eval_shape(exact, x, kernel).shape)

    def with_gradients(function, x, kernel, g):
        def results(x, kernel, g):
            y, pullback = jax.vjp(function, x, kernel)
            return y, *pullback(g)

        return jax.jit(results, compiler_options=options)(x, kernel, g)

    actual_all = with_gradients(narrow, x, kernel, g)
    expected_all = with_gradients(exact, rounded(x), rounded(kernel), rounded(g))
    convolution = name == "native" and "conv" in kind  # XLA's own round their results once more
    rounding = 1e-2 if convolution else 1e-5
    for actual, wanted in zip(actual_all, expected_all, strict=True):
        assert actual.dtype == jnp.float32
        np.testing.assert_allclose(actual, wanted, atol=rounding * float(jnp.abs(wanted).max()))
    assert not np.allclose(actual_all[0], exact(x, kernel), rtol=1e-6, atol=1e-6)
