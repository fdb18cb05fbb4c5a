import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import models
from jaxvae.models import DropoutVAE, SubspaceVAE

KEY = jax.random.key(0)
INDEX = jnp.arange(4)
MODEL = SubspaceVAE((9, 12, 2), (2, 5), (2, 4), classes=3, encoder_dropout=0.3)


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (4, 9, 12, 2))


@pytest.fixture(scope="module")
def variables():
    return models.init(KEY, MODEL)


def test_number_of_parameters_is_that_of_a_vae_and_of_the_labels_head():
    def count(model):
        shapes = jax.eval_shape(lambda: models.init(KEY, model))
        return sum(leaf.size for leaf in jax.tree.leaves(shapes))

    assert count(SubspaceVAE((28, 28, 1))) == count(DropoutVAE((28, 28, 1), (2, 8))) + 2 * 2 + 2


@pytest.mark.parametrize("train", [True, False])
def test_output_is_the_vaes_and_the_labels_logits(train, images, variables):
    output = MODEL.apply(variables, KEY, images, INDEX, train)
    plain = DropoutVAE((9, 12, 2), (2, 5), (2, 4), 0.3)
    params = {name: p for name, p in variables["params"].items() if name != "label_head"}
    expected = plain.apply({"params": params}, KEY, images, INDEX, train)
    actual = output.replace(label_logits=None)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, b)
    head = variables["params"]["label_head"]
    logits = output.latents[0] @ head["kernel"] + head["bias"][None]
    np.testing.assert_allclose(output.label_logits, logits, atol=1e-6)
    classified = MODEL.apply(variables, output.latents[0], method="classify")
    np.testing.assert_allclose(classified, output.label_logits, atol=1e-6)


def test_the_labels_loss_reaches_w_and_not_z(images, variables):
    def loss(variables):
        return jnp.sum(MODEL.apply(variables, KEY, images, INDEX).label_logits[:, 0])

    gradient = jax.grad(loss)(variables)["params"]["head"]["bias"]
    assert ((gradient != 0) == jnp.array([1, 1, 0, 0, 0, 0, 0] * 2, bool)).all()


@pytest.mark.parametrize("changes", [{"latent_sizes": (2,)}, {"latent_sizes": (2, 3, 4)}, {"classes": 1}])
def test_what_makes_no_subspaces_is_refused(changes):
    with pytest.raises(ValueError, match="needs two levels, w and z, and at least two classes"):
        SubspaceVAE((9, 12, 2), **changes)


def test_a_code_of_another_size_is_refused(variables):
    with pytest.raises(ValueError, match=r"w has size 2, got codes of 5\."):
        MODEL.apply(variables, jnp.zeros((4, 5)), method="classify")
