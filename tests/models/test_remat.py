"""Activations that are computed again: the numbers of kept ones, in less memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import models

SHAPE = (12, 12, 1)
IMAGES = jax.random.uniform(jax.random.key(0), (6, *SHAPE))
MAKERS = {
    "vlae": lambda **place: models.VLAE(SHAPE, (2, 2), (4, 4), hidden=8, **place),
    "hierarchical_vae": lambda **place: models.HierarchicalVAE(SHAPE, (2, 2), (4, 4), 8, 4, **place),
    "conditional_vae": lambda **place: models.ConditionalVAE(SHAPE, (2,), (4,), classes=3, **place),
    "dropout_vae": lambda **place: models.DropoutVAE(SHAPE, (2,), (4,), 0.3, 0.3, **place),
    "subspace_vae": lambda **place: models.SubspaceVAE(SHAPE, (2, 2), (4,), classes=3, **place),
    "deep_conv_vae": lambda **place: models.DeepConvVAE(SHAPE, 2, (4, 4), **place),
    "deep_features": lambda **place: models.DeepConvVAE(SHAPE, 2, (4, 4), deep_features="through", **place),
    "aae": lambda **place: models.AAE(SHAPE, 2, (4,), hidden=(4,), **place),
    "vaegan": lambda **place: models.VAEGAN(
        SHAPE, 2, (4,), (4,), hidden=4, feature_layer=1, attributes=2, **place
    ),
}


def steps(make):
    """Variables, and what a step would differentiate, with activations that are kept and with ones computed again."""
    plain, again = (make(layout=models.layout("native", remat=on)) for on in (False, True))
    given = (
        {"label": jnp.arange(6) % 3} if plain.label_field == "label" or isinstance(plain, models.AAE) else {}
    )
    if plain.label_field == "attributes":
        given = {"label": jnp.ones((6, plain.label_size))}
    variables = models.init(jax.random.key(1), plain)
    state = {name: of for name, of in variables.items() if name != "params"}

    def step(model):
        method = "play" if hasattr(model, "play") else None

        def loss(params):
            output, changed = model.apply(
                {"params": params, **state},
                jax.random.key(2),
                IMAGES,
                jnp.arange(6),
                train=True,
                mutable=list(state),
                method=method,
                **given,
            )
            leaves = [leaf for leaf in jax.tree.leaves(output) if jnp.issubdtype(leaf.dtype, jnp.floating)]
            return sum(jnp.sum(jnp.sin(leaf)) for leaf in leaves), (output, changed)

        return loss

    return variables["params"], step(plain), step(again)


@pytest.mark.parametrize("name", ["vlae", "dropout_vae", "deep_features", "vaegan"])
def test_values_gradients_and_statistics_are_those_of_kept_activations(name):
    params, *losses = steps(MAKERS[name])
    kept, again = (jax.jit(jax.value_and_grad(loss, has_aux=True))(params) for loss in losses)
    assert jax.tree.structure(kept) == jax.tree.structure(again)
    for (path, one), other in zip(jax.tree.leaves_with_path(kept), jax.tree.leaves(again), strict=True):
        rounding = 1e-6 + 1e-5 * np.abs(one).max()
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=rounding, err_msg=str(path))


@pytest.mark.parametrize(
    "name", sorted(MAKERS.keys() - {"deep_features"})
)  # which are kept for the loss anyway
def test_less_is_kept_for_the_backward_pass(name):
    params, *losses = steps(MAKERS[name])

    def kept(loss):
        pullback = jax.eval_shape(lambda params: jax.vjp(loss, params, has_aux=True)[1], params)
        return sum(leaf.size for leaf in jax.tree.leaves(pullback) if leaf.shape[:1] in ((6,), (12,), (18,)))

    plain, again = map(kept, losses)
    assert again < 0.7 * plain
