import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import gaussian_kde

from jaxvae.evaluate import class_accuracy


def test_agrees_with_leave_one_out_kernel_densities():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    codes = (rng.normal(size=(60, 2)) + labels[:, None] * 0.7).astype(np.float32)
    hits = []
    for i in range(60):
        others = np.delete(np.arange(60), i)
        scaled = codes / codes.std(0)
        scores = []
        for c in range(3):
            members = scaled[others[labels[others] == c]]
            squared = ((members - scaled[i]) ** 2).sum(1)
            scores.append(np.exp(-squared / (2 * (60 ** (-1 / 6)) ** 2)).sum())
        hits.append(np.argmax(scores) == labels[i])
    actual = class_accuracy(jnp.asarray(codes), jnp.asarray(labels, jnp.int32), classes=3)
    np.testing.assert_allclose(actual, np.mean(hits), atol=1e-6)
    assert gaussian_kde(codes.T).scotts_factor() == pytest.approx(60 ** (-1 / 6))


def test_separated_classes_are_found_and_useless_codes_give_the_largest_class():
    labels = jnp.array([0] * 30 + [1] * 10, jnp.int32)
    apart = jnp.asarray(np.random.default_rng(1).normal(size=(40, 2)), jnp.float32) + 20.0 * labels[
        :, None
    ].astype(jnp.float32)
    assert class_accuracy(apart, labels, classes=2) == 1
    np.testing.assert_allclose(class_accuracy(jnp.zeros((40, 2)), labels, classes=2), 0.75)


def test_examples_without_a_label_neither_vote_nor_count():
    codes = jnp.array([[0.0], [0.1], [5.0], [5.1], [0.05]])
    labels = jnp.array([0, 0, 1, 1, -1], jnp.int32)
    assert class_accuracy(codes, labels, classes=2) == 1


def test_refuses_a_single_code():
    with pytest.raises(ValueError, match="at least 2 codes, got 1"):
        class_accuracy(jnp.zeros((1, 2)), jnp.zeros(1, jnp.int32), classes=2)
