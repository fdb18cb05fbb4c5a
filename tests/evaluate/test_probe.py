import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tpu_products

from jaxvae.evaluate import probe

KEY = jax.random.key(0)
BEST = {"classes": 2, "steps": 400}


def normal(n, seed):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, 2)), jnp.float32)


def checkerboard(n, seed):
    """Codes whose label no line divides: 1 where exactly one of the two coordinates is positive."""
    codes = normal(n, seed)
    return codes, ((codes[:, 0] > 0) != (codes[:, 1] > 0)).astype(jnp.int32)


def test_learns_what_no_line_divides_in_whatever_units():
    # Far from 0 and in units of a thousandth, a network would learn nothing in 1000 steps of 1e-3.
    (codes, labels), (test_codes, test_labels) = checkerboard(2000, 0), checkerboard(1000, 1)
    units = {"test_codes": 1e-3 * test_codes + 1, "test_labels": test_labels}
    assert probe(KEY, 1e-3 * codes + 1, labels, **units, classes=2, steps=1000) > 0.95


def test_products_are_not_rounded_on_tpus():
    fit = importlib.import_module("jaxvae.evaluate.probe")._fit
    (codes, labels), sizes = checkerboard(8, 0), {"classes": 2, "hidden": 3, "steps": 1, "batch_size": 4}
    rounded, number = tpu_products.rounded(fit, KEY, codes, labels, codes, labels, **sizes)
    assert (rounded, number > 4) == ([], True)


def test_codes_that_know_nothing_give_the_share_of_the_largest_class():
    labels = jnp.asarray(np.random.default_rng(2).random(4000) < 0.3, jnp.int32)
    accuracy = probe(
        KEY, normal(4000, 0), labels, test_codes=normal(4000, 1), test_labels=labels[::-1], **BEST
    )
    np.testing.assert_allclose(accuracy, np.mean(labels == 0), atol=0.01)


def test_codes_all_alike_give_the_share_of_the_largest_class():
    labels = jnp.array([0] * 30 + [1] * 10, jnp.int32)
    same = jnp.ones((40, 3))
    np.testing.assert_allclose(probe(KEY, same, labels, test_codes=same, test_labels=labels, **BEST), 0.75)


def test_the_key_decides():
    codes, labels = checkerboard(200, 0)
    noisy = labels ^ jnp.asarray(np.random.default_rng(3).random(200) < 0.3, jnp.int32)

    def accuracy(key):
        return probe(key, codes, noisy, test_codes=codes, test_labels=noisy, classes=2, steps=20)

    numbers = [accuracy(jax.random.key(seed)) for seed in range(4)]
    assert accuracy(KEY) == numbers[0]
    assert len(set(numbers)) > 1


def test_examples_without_a_label_neither_teach_nor_count():
    codes, labels = checkerboard(400, 0)
    labelled = jnp.arange(400) % 2 == 0
    hidden = jnp.where(labelled, labels, -1)
    wrong = jnp.where(labelled, labels, 1 - labels)
    partly = probe(KEY, codes, hidden, test_codes=codes, test_labels=hidden, classes=2, steps=1000)
    assert partly > 0.9
    # The same half taught wrong would leave nothing to learn.
    assert probe(KEY, codes, wrong, test_codes=codes, test_labels=hidden, classes=2, steps=1000) < 0.8


LABELS = jnp.array([0, 1, 1, -1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": LABELS[:3]}, "to learn from needs one label per code, got 3 for 4 codes"),
        ({"test_labels": LABELS[:2]}, "to test needs one label per code, got 2 for 4 codes"),
        ({"test_codes": jnp.zeros((4, 3))}, "codes of one size, got 2 to learn from and 3 to test"),
        ({"labels": jnp.full(4, -1)}, "to learn from needs at least one labelled example, got none"),
        ({"test_codes": jnp.zeros((0, 2)), "test_labels": LABELS[:0]}, "to test needs at least one labelled"),
        ({"labels": LABELS.at[0].set(-2)}, r"to learn from must lie in \[-1, 2\), got -2 to 1"),
        ({"test_labels": LABELS.at[0].set(2)}, r"to test must lie in \[-1, 2\), got -1 to 2"),
    ],
)
def test_sets_that_do_not_fit_are_refused(change, message):
    codes = jnp.zeros((4, 2))
    arguments = {"codes": codes, "labels": LABELS, "test_codes": codes, "test_labels": LABELS} | change
    with pytest.raises(ValueError, match=message):
        probe(KEY, **arguments, classes=2)
