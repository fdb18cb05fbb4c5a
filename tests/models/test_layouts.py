import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax.test_util import check_grads

from jaxvae.models.layouts import LAYOUTS, layout, native
from jaxvae.models.layouts.geometry import conv_padding, conv_size

NHWC = ("NHWC", "HWIO", "NHWC")
BOTH = pytest.mark.parametrize("name", LAYOUTS)

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
kernels = st.tuples(st.integers(1, 7), st.integers(1, 7))
sizes = st.tuples(st.integers(7, 13), st.integers(7, 13))
edges = st.tuples(st.integers(0, 3), st.integers(0, 3))
paddings = st.one_of(st.just("SAME"), st.just("VALID"), st.tuples(edges, edges))
counts = st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9))
"""Images, channels in, channels out."""
few = settings(max_examples=15, deadline=None, derandomize=True, database=None)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def with_gradients(functions, x, kernel, g):
    """Value, input gradient and kernel gradient of each function, in one program."""

    @jax.jit
    def results(x, kernel, g):
        pairs = [jax.vjp(function, x, kernel) for function in functions]
        return [(y, *pullback(g)) for y, pullback in pairs]

    return results(x, kernel, g)


def in_layout(name, operation, *geometry):
    chosen = LAYOUTS[name]
    return lambda x, kernel: chosen.leave(getattr(chosen, operation)(chosen.enter(x), kernel, *geometry))


def assert_equal(expected, *others):
    for actual in others:
        for a, b in zip(actual, expected, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(float(jnp.abs(b).max()), 1.0))


@few
@given(counts=counts, size=sizes, kernel=kernels, stride=pairs, padding=paddings)
def test_conv_is_laxs(counts, size, kernel, stride, padding):
    n, channels, features = counts
    pixels = conv_padding(size, kernel, stride, padding)
    out = conv_size(size, kernel, stride, pixels)
    x, weights = normal(0, n, *size, channels), normal(1, *kernel, channels, features)
    g = normal(2, n, *out, features)

    def plain(x, kernel):
        return lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=NHWC)

    fast = [in_layout(name, "conv", stride, pixels) for name in LAYOUTS]
    assert_equal(*with_gradients([plain, *fast], x, weights, g))


@few
@given(counts=counts, size=sizes, kernel=kernels, stride=pairs, padding=paddings)
def test_conv_transpose_is_the_adjoint_of_conv(counts, size, kernel, stride, padding):
    n, channels, features = counts
    pixels = conv_padding(size, kernel, stride, padding)
    small = conv_size(size, kernel, stride, pixels)
    x, weights = normal(0, n, *small, channels), normal(1, *kernel, channels, features)
    g = normal(2, n, *size, features)

    def adjoint(x, kernel):
        mirrored = kernel[::-1, ::-1].swapaxes(2, 3)
        conv = partial(lax.conv_general_dilated, dimension_numbers=NHWC)
        return jax.linear_transpose(lambda y: conv(y, mirrored, stride, pixels), g)(x)[0]

    fast = [in_layout(name, "conv_transpose", stride, pixels, size) for name in LAYOUTS]
    assert_equal(*with_gradients([adjoint, *fast], x, weights, g))


@few
@given(counts=counts, size=sizes, kernel=kernels, stride=pairs, padding=st.sampled_from(["SAME", "VALID"]))
def test_conv_transpose_is_laxs(counts, size, kernel, stride, padding):
    n, channels, features = counts
    x, weights = normal(0, n, *size, channels), normal(1, *kernel, channels, features)

    def plain(x, kernel):
        return lax.conv_transpose(x, kernel, stride, padding, dimension_numbers=NHWC)

    g = normal(2, *jax.eval_shape(plain, x, weights).shape)
    pixels = conv_padding(g.shape[1:3], kernel, stride, padding)
    fast = [in_layout(name, "conv_transpose", stride, pixels, g.shape[1:3]) for name in LAYOUTS]
    assert_equal(*with_gradients([plain, *fast], x, weights, g))


def test_large_images_are_convolved_as_lax_does():
    x, weights, g = normal(0, 4, 96, 96, 3), normal(1, 4, 4, 3, 16) / 7, normal(2, 4, 48, 48, 16)

    def plain(x, kernel):
        return lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=NHWC)

    fast = in_layout("chwn", "conv", (2, 2), ((1, 1), (1, 1)))
    assert_equal(*with_gradients([plain, fast], x, weights, g))


def test_large_images_are_made_as_lax_does():
    x, weights, g = normal(0, 4, 48, 48, 16) / 7, normal(1, 4, 4, 16, 3), normal(2, 4, 96, 96, 3)

    def plain(x, kernel):
        return lax.conv_transpose(x, kernel, (2, 2), "SAME", dimension_numbers=NHWC)

    fast = in_layout(
        "chwn", "conv_transpose", (2, 2), conv_padding((96, 96), (4, 4), (2, 2), "SAME"), (96, 96)
    )
    assert_equal(*with_gradients([plain, fast], x, weights, g))


def test_a_kernel_as_large_as_the_image_is_laxs():
    x, weights, g = normal(0, 2, 5, 3, 2), normal(1, 5, 3, 2, 4), normal(2, 2, 1, 1, 4)

    def plain(x, kernel):
        return lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=NHWC)

    def adjoint(x, kernel):
        mirrored = kernel[::-1, ::-1].swapaxes(2, 3)
        conv = partial(lax.conv_general_dilated, dimension_numbers=NHWC)
        return jax.linear_transpose(lambda y: conv(y, mirrored, (1, 1), "VALID"), normal(3, 2, 5, 3, 4))(x)[0]

    whole = (1, 1), ((0, 0), (0, 0))
    fast = [in_layout(name, "conv", *whole) for name in LAYOUTS]
    assert_equal(*with_gradients([plain, *fast], x, weights, g))
    fast = [in_layout(name, "conv_transpose", *whole, (5, 3)) for name in LAYOUTS]
    x, g = normal(0, 2, 1, 1, 2), normal(2, 2, 5, 3, 4)
    assert_equal(*with_gradients([adjoint, *fast], x, weights, g))


@BOTH
@pytest.mark.parametrize("kernel", [(4, 4), (3, 5), (2, 2)])
def test_conv_transpose_is_flaxs(name, kernel):
    x, weights = normal(0, 2, 3, 4, 2), normal(1, *kernel, 2, 3)
    flax = nn.ConvTranspose(3, kernel, (2, 2), padding="SAME", use_bias=False)
    pixels = conv_padding((6, 8), kernel, (2, 2), "SAME")
    actual = in_layout(name, "conv_transpose", (2, 2), pixels, (6, 8))(x, weights)
    np.testing.assert_allclose(actual, flax.apply({"params": {"kernel": weights}}, x), atol=1e-5)


@BOTH
@pytest.mark.parametrize(("operation", "geometry"), [("conv", ()), ("conv_transpose", ((7, 5),))])
def test_gradients_are_numerical_ones(name, operation, geometry):
    padding = ((1, 0), (1, 1))
    x = normal(0, 1, 7, 5, 2) if operation == "conv" else normal(0, 1, 3, 3, 2)
    function = jax.jit(in_layout(name, operation, (2, 2), padding, *geometry))
    check_grads(function, (x, normal(1, 3, 2, 2, 2)), order=1, modes=["rev"], rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(("operation", "geometry"), [("conv", ()), ("conv_transpose", ((7, 5),))])
def test_the_compilers_convolutions_have_second_gradients(operation, geometry):
    """The penalty on a discriminator's gradient needs them."""
    x = normal(0, 1, 7, 5, 2) if operation == "conv" else normal(0, 1, 3, 3, 2)
    function = in_layout("native", operation, (2, 2), ((1, 0), (1, 1)), *geometry)
    with jax.enable_x64(True):
        given = tuple(np.float64(each) for each in (x, normal(1, 3, 2, 2, 2)))
        curved = jax.jit(lambda x, kernel: jnp.sin(function(x, kernel)))
        check_grads(curved, given, order=3, modes=["rev"], rtol=1e-5, atol=1e-5)


@few
@given(counts=counts, size=sizes, kernel=kernels, stride=pairs, padding=paddings)
def test_the_compilers_convolutions_are_laxs_in_float64(counts, size, kernel, stride, padding):
    n, channels, features = counts
    pixels = conv_padding(size, kernel, stride, padding)
    out = conv_size(size, kernel, stride, pixels)
    shapes = (n, *size, channels), (*kernel, channels, features), (n, *out, features)
    conv = partial(lax.conv_general_dilated, dimension_numbers=NHWC)

    def squared_gradient(function):
        """What a penalty on the gradient is, with gradients of its own."""
        return jax.value_and_grad(
            lambda x, k, g: sum(jnp.vdot(part, part) for part in jax.vjp(function, x, k)[1](g)), (0, 1, 2)
        )

    with jax.enable_x64(True):
        given = [np.float64(normal(seed, *shape)) for seed, shape in enumerate(shapes)]
        ways = lambda x, k: conv(x, k, stride, padding), in_layout("native", "conv", stride, pixels)
        (expected, gradients), (actual, others) = jax.jit(
            lambda *given: [squared_gradient(way)(*given) for way in ways]
        )(*given)
        assert actual.dtype == np.float64
        np.testing.assert_allclose(actual, expected, rtol=1e-12)
        for a, b in zip(others, gradients, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * float(jnp.abs(b).max()))


def products_of(function, *given, platform="cpu"):
    """Which product each convolution is, in the program of value and gradients, as XLA tells them apart."""
    program = jax.jit(lambda x, k, g: (function(x, k), jax.vjp(function, x, k)[1](g)))
    lines = program.trace(*given).lower(lowering_platforms=(platform,)).as_text().splitlines()
    reversed_ones = {line.split()[0] for line in lines if "stablehlo.reverse" in line}
    pattern = (
        r"convolution\(%\w+, (%\w+)\) dim_numbers = \[(\w), .* lhs_dilate = \[(\d), (\d)\].* "
        r"feature_group_count = (\d)"
    )
    found = []
    for kernel, first, *dilated, groups in re.findall(pattern, "\n".join(lines)):
        spread = dilated != ["1", "1"]
        kind = "backward input" if kernel in reversed_ones else "forward over zeros"
        kind = kind if spread else "backward filter" if first == "f" else "forward"
        found.append(kind if groups == "1" else f"{kind} in groups")
    return sorted(found)


THREE = ["backward filter", "backward input", "forward"]


def example_of(operation):
    """The function with its arguments and a cotangent."""
    small, large, geometry = normal(0, 8, 7, 7, 4), normal(0, 8, 14, 14, 3), ()
    given = large, normal(1, 4, 4, 3, 4), small
    if operation == "conv_transpose":
        given, geometry = (small, normal(1, 4, 4, 4, 3), large), ((14, 14),)
    return in_layout("native", operation, (2, 2), ((1, 1), (1, 1)), *geometry), given


EITHER = pytest.mark.parametrize("operation", ["conv", "conv_transpose"])


@EITHER
def test_the_compilers_own_kernels_compute_value_and_gradients(operation):
    """A pattern of its own for each, which XLA's passes for NVIDIA's library look for."""
    function, given = example_of(operation)
    assert products_of(function, *given) == THREE


@EITHER
def test_on_gpus_each_replica_has_kernels_of_its_own(operation):
    function, given = example_of(operation)
    several = [jnp.stack([each] * 3) for each in given]
    found = products_of(jax.vmap(function), *several, platform="cuda")
    assert found == sorted(3 * THREE)
    together = products_of(jax.vmap(function), *several, platform="tpu")
    assert len(together) == 3
    assert any("groups" in each for each in together)


@EITHER
@pytest.mark.parametrize("mapped", [(0, 0), (0, None), (None, 0)])
def test_replicas_are_computed_as_one_after_the_other(operation, mapped, monkeypatch):
    """As GPUs do it, unrolled and in a loop, and as others do."""
    function, (x, kernel, _) = example_of(operation)
    given = [
        jnp.stack([(number + 1) * each for number in range(3)]) if axis == 0 else each
        for each, axis in zip((x, kernel), mapped, strict=True)
    ]
    expected = [
        function(*(e[i] if a == 0 else e for e, a in zip(given, mapped, strict=True))) for i in range(3)
    ]
    several = jax.vmap(function, mapped)
    np.testing.assert_allclose(several(*given), jnp.stack(expected), rtol=1e-5, atol=1e-5)
    monkeypatch.setattr(native.lax, "platform_dependent", lambda *given, cuda, **others: cuda(*given))
    for most in (16, 2):
        monkeypatch.setattr(native, "_UNROLLED", most)
        np.testing.assert_allclose(several(*given), jnp.stack(expected), rtol=1e-5, atol=1e-5)


def test_no_product_of_a_gradient_penalty_has_a_transposed_left_operand():
    """Which XLA:CPU would copy, if not worse."""
    function = in_layout("chwn", "conv", (2, 2), ((1, 1), (1, 1)))

    def penalty(kernel, x):
        return jnp.sum(jnp.square(jax.grad(lambda x: jnp.sum(jnp.sin(function(x, kernel))))(x)))

    text = jax.jit(jax.grad(penalty)).lower(normal(0, 4, 4, 3, 4), normal(1, 8, 14, 14, 3)).as_text()
    contracted = re.findall(r"stablehlo.dot_general.*contracting_dims = \[(\d)\] x \[(\d)\]", text)
    # Value and gradient; on the way back two products of the gradient, and the value's with respect to the kernel.
    assert sorted(contracted) == 3 * [("1", "0")] + 2 * [("1", "1")]


@BOTH
@pytest.mark.parametrize("features", [2, 9])
def test_flat_dense_is_a_product_with_flattened_images(name, features):
    x, kernel, g = normal(0, 5, 3, 4, 2), normal(1, 24, features), normal(2, 5, features)
    chosen = LAYOUTS[name]
    flattened = lambda x, k: x.reshape(5, -1) @ k, lambda x, k: chosen.flat_dense(chosen.enter(x), k)
    assert_equal(*with_gradients(flattened, x, kernel, g))


@pytest.mark.parametrize("features", [2, 9])
def test_flat_dense_permutes_the_smaller_of_images_and_kernel(features):
    chosen = LAYOUTS["chwn"]
    program = jax.jit(jax.grad(lambda k, x: jnp.sum(jnp.sin(chosen.flat_dense(chosen.enter(x), k)))))
    text = program.lower(normal(0, 24, features), normal(1, 5, 3, 4, 2)).as_text()
    moved = re.findall(r"stablehlo.transpose.*-> tensor<([\dx]+)xf32>", text)
    sizes = {int(np.prod([int(side) for side in shape.split("x")])) for shape in moved}
    assert (24 * features in sizes) is (features == 2)


@BOTH
def test_compiler_options_compile(name):
    chosen = LAYOUTS[name]
    conv = in_layout(name, "conv", (2, 2), ((1, 1), (1, 1)))
    x, weights = normal(0, 2, 6, 6, 1), normal(1, 4, 4, 1, 2)
    tuned = jax.jit(conv, compiler_options=dict(chosen.compiler_options))
    np.testing.assert_allclose(tuned(x, weights), conv(x, weights), atol=1e-5)


@BOTH
def test_leave_undoes_enter(name):
    chosen, x = LAYOUTS[name], normal(0, 2, 3, 5, 4)
    inside = chosen.enter(x)
    assert chosen.size(inside) == (3, 5)
    assert inside.shape[chosen.channel_axis] == 4
    np.testing.assert_array_equal(chosen.leave(inside), x)


@pytest.mark.parametrize("padding", ["SAME", "VALID", ((1, 2), (0, 3))])
@pytest.mark.parametrize(("size", "kernel", "stride"), [((28, 27), (4, 3), (2, 3)), ((7, 8), (1, 7), (3, 1))])
def test_geometry_is_laxs(size, kernel, stride, padding):
    pixels = conv_padding(size, kernel, stride, padding)
    if isinstance(padding, str):
        assert list(pixels) == lax.padtype_to_pads(size, kernel, stride, padding)
    x, weights = jnp.zeros((1, *size, 1)), jnp.zeros((*kernel, 1, 1))
    out = jax.eval_shape(
        lambda: lax.conv_general_dilated(x, weights, stride, padding, dimension_numbers=NHWC)
    )
    assert conv_size(size, kernel, stride, pixels) == out.shape[1:3]


@pytest.mark.parametrize("padding", ["CIRCULAR", ((1, 1),)])
def test_unknown_padding_is_refused(padding):
    with pytest.raises(ValueError, match=r"padding must be 'SAME', 'VALID' or .*got"):
        conv_padding((8, 8), (3, 3), (1, 1), padding)


def test_image_smaller_than_kernel_is_refused():
    with pytest.raises(ValueError, match="an image of 2x9 pixels is too small for a 4x4 kernel"):
        conv_size((2, 9), (4, 4), (2, 2), ((0, 1), (0, 0)))


def test_layout_is_found_by_name_or_platform():
    assert layout("native") == LAYOUTS["native"]
    assert layout() == LAYOUTS["chwn"]
    assert layout(precision="bfloat16") != LAYOUTS["chwn"]
    with pytest.raises(ValueError, match="layout must be one of native, chwn, got 'nchw'"):
        layout("nchw")


def test_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="precision must be one of float32, bfloat16, got 'half'"):
        layout(precision="half")
