import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.models import dropout
from jaxvae.models.dropout import dropping
from jaxvae.models.layouts import LAYOUTS

KEY = jax.random.key(0)
NATIVE = LAYOUTS["native"]
ONES = jnp.ones((40, 5, 6, 7))
INDEX = jnp.arange(40)
COUNT = ONES.size


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_kept(rate):
    y = np.asarray(dropout(KEY, ONES, rate, INDEX, NATIVE))
    kept = y > 0
    assert abs(kept.mean() - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / COUNT)
    np.testing.assert_allclose(y[kept], 1 / (1 - rate), rtol=1e-4)


def test_examples_pixels_and_channels_are_masked_apart():
    kept = np.asarray(dropout(KEY, ONES, 0.5, INDEX, NATIVE) > 0).reshape(40, -1)
    for masks in (kept, kept.T):
        assert len(np.unique(masks, axis=0)) == len(masks)


def test_layers_have_masks_of_their_own():
    drop = dropping(KEY, 0.5, INDEX, NATIVE)
    masks = [drop(number, ONES) > 0 for number in (0, 0, 1)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert abs(float(jnp.mean(masks[0] == masks[2])) - 0.5) < 4 * np.sqrt(0.25 / COUNT)


def test_a_mask_belongs_to_the_position_in_the_global_batch():
    whole = dropout(KEY, ONES, 0.4, INDEX, NATIVE)
    rows = jnp.array([30, 1, 7])
    np.testing.assert_array_equal(dropout(KEY, ONES[:3], 0.4, rows, NATIVE), whole[rows])


@pytest.mark.parametrize("name", LAYOUTS)
def test_masks_are_those_of_every_layout(name):
    inside = LAYOUTS[name]
    x = jax.random.normal(KEY, ONES.shape)
    y = inside.leave(dropout(KEY, inside.enter(x), 0.4, INDEX, inside))
    np.testing.assert_allclose(y, x * dropout(KEY, ONES, 0.4, INDEX, NATIVE), rtol=1e-6)


def test_another_key_is_another_mask():
    masks = [dropout(jax.random.key(seed), ONES, 0.5, INDEX, NATIVE) > 0 for seed in (0, 0, 1)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert abs(float(jnp.mean(masks[0] == masks[2])) - 0.5) < 4 * np.sqrt(0.25 / COUNT)


def test_replicas_of_one_program_differ_in_their_rate():
    rates = (0.0, 0.25, 0.5)
    program = jax.jit(jax.vmap(lambda rate: dropout(KEY, ONES, rate, INDEX, NATIVE)))
    for y, rate in zip(program(jnp.array(rates)), rates, strict=True):
        np.testing.assert_allclose(y, dropout(KEY, ONES, rate, INDEX, NATIVE), rtol=1e-6)
        assert bool(jnp.all(y == 1)) == (rate == 0)


def test_gradient_is_the_scaled_mask():
    x = jax.random.normal(KEY, ONES.shape)
    y, pullback = jax.vjp(lambda x: dropout(KEY, x, 0.3, INDEX, NATIVE), x)
    np.testing.assert_allclose(pullback(ONES)[0] * x, y, rtol=1e-6)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match=rf"must be in \[0, 1\), got {rate:g}\."):
        dropout(KEY, ONES, rate, INDEX, NATIVE)


def test_an_array_that_says_to_drop_all_stays_finite():
    assert np.isfinite(dropout(KEY, ONES, jnp.array(1.0), INDEX, NATIVE)).all()
