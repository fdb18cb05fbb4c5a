"""What all public losses and measures have in common: how exactly they compute."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tpu_products
import unequal_shapes

from jaxvae.losses import compose, rbf, squared_error
from jaxvae.models import Normal

EXEMPT = {
    "losses.rbf": "makes a kernel",
    "losses.inverse_multiquadratic": "makes a kernel",
    "evaluate.probe": "looks at values",
    "evaluate.holes": "looks at values",
    "evaluate.two_sample_accuracy": "looks at values",
    "evaluate.mode_match": "looks at values",
    "losses.feature_likelihood()": "a term, which sees what `compose` makes of 16 bits",
}
"""Functions of arrays that are no programs, and the reason."""

ARGUMENTS = dict.fromkeys(("kernel", "x_kernel", "y_kernel"), rbf(1.0)) | {"prior": Normal(dim=3)}
"""In place of a product of the caller's, which is as exact as the caller made it, and of what is no whole prior."""


def measures():
    """Public functions that JAX traces and that need nothing but arrays, by name."""
    found = {}
    for name, function in unequal_shapes.functions():
        parameters = inspect.signature(function).parameters
        arrays = {slot[0] for slot in unequal_shapes.arrays(function)}
        required = {n for n, p in parameters.items() if p.default is inspect.Parameter.empty}
        known = arrays | set(unequal_shapes.ARGUMENTS)
        if (
            arrays & required
            and required <= known
            and "ndarray" not in str(parameters)
            and name not in EXEMPT
        ):
            found[name] = function
    return found


@pytest.fixture(params=measures().values(), ids=measures().keys())
def program(request, monkeypatch):
    """Value and gradient of a measure, compiled, and its arrays, which a function may convert first."""
    for name, argument in ARGUMENTS.items():
        monkeypatch.setitem(unequal_shapes.ARGUMENTS, name, argument)

    def prepare(convert=lambda x: x):
        run, arrays = unequal_shapes.prepared(request.param, convert=convert)

        leaves, tree = jax.tree.flatten(arrays)  # placeholders of JAX fit into no annotated record

        def total(leaves):
            out = jax.tree.leaves(run(jax.tree.unflatten(tree, leaves)))
            floats = [x for x in out if jnp.issubdtype(x.dtype, jnp.floating)]
            return sum(map(jnp.sum, floats), jnp.zeros(()))

        return jax.jit(jax.value_and_grad(total, allow_int=True)), leaves

    return prepare


def equations(jaxpr):
    """Equations of a jaxpr, and in place of a call those of what is called."""
    for equation in jaxpr.eqns:
        parameters = jax.tree.leaves(
            equation.params, is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr")
        )
        called = [getattr(p, "jaxpr", p) for p in parameters]
        called = [p for p in called if hasattr(p, "eqns")]
        for inner in called:
            yield from equations(inner)
        if not called:
            yield equation


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16], ids=["float16", "bfloat16"])
def test_nothing_is_computed_in_16_bits(program, dtype):
    run, arrays = program(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x)
    narrow = {
        equation.primitive.name
        for equation in equations(jax.make_jaxpr(run)(arrays).jaxpr)
        if any(getattr(v.aval, "dtype", None) == dtype for v in equation.invars)
    }
    assert narrow <= {"convert_element_type", "broadcast_in_dim"}  # the latter of the gradient, which is 0


def test_every_product_is_exact_on_tpus(program):
    run, arrays = program()
    assert tpu_products.rounded(run, arrays)[0] == []


def test_the_walk_sees_products():
    expected = {
        "losses.ssim",
        "losses.ms_ssim",
        "losses.lpips_distance",
        "losses.mmd2",
        "losses.average_pool",
    }
    expected |= {"evaluate.class_accuracy", "evaluate.resize_clean", "evaluate.mse", "evaluate.diversity"}
    assert expected <= measures().keys()
    line, number = tpu_products.rounded(jax.jit(jnp.dot), jnp.ones((2, 2)), jnp.ones((2, 2)))
    assert (len(line), number) == (1, 1)


def test_terms_see_16_bits_as_float32(output, batch):
    seen = []

    def term(key, output, batch):
        seen.append({output.logits.dtype, output.posteriors[0].mean.dtype, batch.image.dtype})
        return squared_error(output.logits, batch.image)

    objective = compose({"term": term}, {"term": 1.0})
    narrow = jax.tree.map(lambda x: x.astype(jnp.bfloat16), output)
    loss, _ = objective(jax.random.key(0), narrow, batch, jnp.int32(0))
    assert seen == [{jnp.dtype(jnp.float32)}]
    exact = jnp.sum(batch.mask * squared_error(narrow.logits, batch.image)) / jnp.sum(batch.mask)
    np.testing.assert_allclose(loss, exact, rtol=1e-6)
