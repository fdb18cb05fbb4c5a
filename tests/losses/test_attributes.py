import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.losses import attribute_error, attribute_likelihood
from jaxvae.types import Batch

LOGITS = jnp.array([[2.0, -1.0], [-0.5, 0.0]])
ATTRIBUTES = jnp.array([[1.0, 1.0], [0.0, 0.0]])


def batch(attributes):
    index = jnp.arange(2, dtype=jnp.int32)
    return Batch(jnp.zeros((2, 4, 4, 1)), jnp.full(2, -1, jnp.int32), jnp.ones(2), index, attributes)


def test_likelihood_is_the_sum_of_the_attributes_own():
    probability = 1 / (1 + np.exp(-np.float64(LOGITS)))
    expected = -np.log(np.where(np.asarray(ATTRIBUTES) > 0, probability, 1 - probability)).sum(axis=1)
    actual = attribute_likelihood()(jax.random.key(0), LOGITS, batch(ATTRIBUTES))
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_likelihood_stays_finite_where_the_classifier_is_certain_and_wrong():
    actual = attribute_likelihood()(
        jax.random.key(0), jnp.array([[-1e4, 0.0], [0.0, 1e4]]), batch(ATTRIBUTES)
    )
    np.testing.assert_allclose(actual, 1e4 + np.log(2), rtol=1e-6)


def test_error_counts_logits_on_the_wrong_side():
    actual = attribute_error()(jax.random.key(0), LOGITS, batch(ATTRIBUTES))
    np.testing.assert_array_equal(actual, [0.5, 0.0])


@pytest.mark.parametrize("term", [attribute_likelihood(), attribute_error()])
@pytest.mark.parametrize("attributes", [None, jnp.zeros((2, 3))])
def test_attributes_that_do_not_fit_are_refused(term, attributes):
    with pytest.raises(ValueError, match=r"output \(2, 2\) needs attributes of that shape, got"):
        term(jax.random.key(0), LOGITS, batch(attributes))
