import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jaxvae.losses import (
    classification,
    compose,
    cross_entropy,
    label_head,
    misclassification,
    recognition,
)
from jaxvae.types import Batch

KEY = jax.random.key(0)
LOGITS = jnp.asarray(np.random.default_rng(0).normal(size=(5, 4)) * 3, jnp.float32)
LABEL = jnp.array([0, 3, 2, 1, -1])


@pytest.fixture
def labelled():
    return Batch(jnp.zeros((5, 1, 1, 1)), LABEL, jnp.array([1.0, 1, 1, 0, 0]), jnp.arange(5))


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_cross_entropy_is_the_negative_log_probability(wrap):
    expected = -scipy.special.log_softmax(np.float64(LOGITS), axis=1)[np.arange(4), LABEL[:4]]
    actual = wrap(cross_entropy)(LOGITS, LABEL)
    np.testing.assert_allclose(actual[:4], expected, rtol=1e-5)
    assert actual[4] == 0


def test_gradient_is_probability_minus_label():
    gradient = jax.grad(lambda logits: cross_entropy(logits, LABEL).sum())(LOGITS)
    expected = scipy.special.softmax(LOGITS, axis=1) - np.eye(4)[LABEL]
    np.testing.assert_allclose(gradient[:4], expected[:4], atol=1e-6)
    np.testing.assert_array_equal(gradient[4], 0)


def test_terms_make_an_objective_of_a_models_logits(labelled):
    terms = {"cross_entropy": classification(), "error": misclassification()}
    objective = compose(terms, {"cross_entropy": 1.0, "error": 0.0})
    loss, metrics = objective(KEY, LOGITS, labelled, jnp.int32(0))
    np.testing.assert_allclose(loss, cross_entropy(LOGITS, LABEL)[:3].mean(), rtol=1e-6)
    wrong = np.argmax(LOGITS, axis=1)[:3] != LABEL[:3]
    np.testing.assert_allclose(metrics["error"], wrong.mean(), rtol=1e-6)


def test_logits_of_another_number_of_examples_are_refused(labelled):
    with pytest.raises(ValueError, match=r"one entry per example, got \(1, 4\) and \(5,\)"):
        misclassification()(KEY, LOGITS[:1], labelled)


def test_recognition_reads_the_mean_image_and_pulls_on_it(output, batch):
    label = np.array([0, 3, 2, 1, -1, 0, 2, 1])
    labelled = batch.replace(label=jnp.asarray(label))
    weights = jnp.asarray(np.random.default_rng(1).normal(size=(12 * 11 * 2, 4)), jnp.float32)
    term = recognition(lambda image: image.reshape(8, -1) @ weights)

    def total(logits):
        return term(KEY, output.replace(logits=logits), labelled).sum()

    image = scipy.special.expit(np.float64(output.logits)).reshape(8, -1)
    scores = scipy.special.log_softmax(image @ np.float64(weights), axis=1)
    expected = np.where(label >= 0, -scores[np.arange(8), label], 0)
    np.testing.assert_allclose(term(KEY, output, labelled), expected, rtol=1e-4, atol=1e-5)

    labelled_examples = (label >= 0)[:, None]
    by_image = (labelled_examples * (np.exp(scores) - np.eye(4)[label])) @ np.float64(weights).T
    gradient = jax.grad(total)(output.logits).reshape(8, -1)
    np.testing.assert_allclose(gradient, by_image * image * (1 - image), rtol=1e-3, atol=1e-5)


def test_label_head_is_the_cross_entropy_of_its_logits(output, batch):
    logits, label = jnp.tile(LOGITS, (2, 1))[:8], jnp.tile(LABEL, 2)[:8]
    values = label_head()(KEY, output.replace(label_logits=logits), batch.replace(label=label))
    np.testing.assert_array_equal(values, cross_entropy(logits, label))


def test_a_model_without_a_label_head_is_refused(output, batch):
    with pytest.raises(ValueError, match="needs a model whose output has label_logits, got one without"):
        label_head()(KEY, output, batch)
