import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import models
from jaxvae.models import ConditionalVAE, DropoutVAE

KEY = jax.random.key(0)
INDEX = jnp.arange(4)
LABEL = jnp.array([2, 0, -1, 1])
MODEL = ConditionalVAE((9, 12, 2), (3,), (2, 4), classes=3)


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (4, 9, 12, 2))


@pytest.fixture(scope="module")
def variables():
    return models.init(KEY, MODEL)


def assert_close(actual, expected, atol=1e-5):
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=atol, atol=atol)


def test_number_of_parameters_is_that_of_a_vae_and_of_the_labels_rows():
    def count(model):
        shapes = jax.eval_shape(lambda: models.init(KEY, model))
        return sum(leaf.size for leaf in jax.tree.leaves(shapes))

    more = 10 * 2 * 5 + 10 * 7 * 7 * 64
    assert count(ConditionalVAE((28, 28, 1), (5,))) == count(DropoutVAE((28, 28, 1), (5,))) + more


def test_without_a_label_it_is_a_vae_that_lacks_the_labels_rows(images, variables):
    """A label of -1 adds nothing; label y adds row y of the appended part."""
    params = variables["params"]
    plain = DropoutVAE((9, 12, 2), (3,), (2, 4))
    sizes = {"head": 3 * 3 * 4, "expand": 3}
    for label in (-1, 1):
        own = dict(params)
        for name, size in sizes.items():
            kernel, bias = params[name]["kernel"], params[name]["bias"]
            row = kernel[size + label] if label >= 0 else jnp.zeros_like(bias)
            own[name] = {"kernel": kernel[:size], "bias": bias + row}
        expected = plain.apply({"params": own}, KEY, images, INDEX)
        assert_close(MODEL.apply(variables, KEY, images, INDEX, label=jnp.full(4, label)), expected)


def test_the_label_reaches_encoder_and_decoder(images, variables):
    first, second = (models.encode(MODEL, variables, images, labels=jnp.full(4, y)) for y in (0, 1))
    assert np.abs(first[0].mean - second[0].mean).max() > 1e-3
    codes = (jnp.zeros((4, 3)),)
    drawn = models.decode(MODEL, variables, codes, labels=LABEL)
    assert np.abs(drawn[:1] - drawn[1:]).max((1, 2, 3)).min() > 1e-3
