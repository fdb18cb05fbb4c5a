import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.evaluate import combine, mean_evaluator

KEY = jax.random.key(0)


def brightness(key, variables, batch):
    return {"brightness": variables["gain"] * batch.image.mean((1, 2, 3))}


def gain(value):
    return {"gain": jnp.float32(value)}


@pytest.mark.parametrize("size", [1, 8, 21, 32])
def test_ragged_last_batch_counts_exactly_whatever_the_padding(images, cut, size):
    batches = cut(images, size, padding=np.nan)
    actual = mean_evaluator(brightness)(KEY, gain(2), batches)
    assert actual.keys() == {"brightness"}
    assert type(actual["brightness"]) is float
    np.testing.assert_allclose(actual["brightness"], 2 * images.mean(dtype=np.float64), rtol=1e-6)


def test_scalar_is_weighted_by_unmasked_examples(images, cut):
    batches = cut(images, 8)
    evaluator = mean_evaluator(lambda key, variables, batch: {"first": batch.image[0, 0, 0, 0]})
    expected = np.average(images[[0, 8, 16], 0, 0, 0], weights=[8, 8, 5])
    np.testing.assert_allclose(evaluator(KEY, {}, batches)["first"], expected, rtol=1e-6)


def test_batch_of_padding_adds_nothing_even_if_its_scalar_is_not_finite(images, cut):
    def mean(key, variables, batch):
        return {"mean": jnp.sum(batch.image.mean((1, 2, 3)) * batch.mask) / batch.mask.sum()}

    batches = cut(images, 8)
    empty = batches[0].replace(mask=jnp.zeros(8))
    actual = mean_evaluator(mean)(KEY, {}, [*batches, empty])["mean"]
    np.testing.assert_allclose(actual, images.mean(dtype=np.float64), rtol=1e-6)


def test_many_small_values_beside_large_ones_are_summed_without_loss(cut):
    images = np.full((3001, 1, 1, 1), 0.1, np.float32)
    images[0] = 2.0**24
    evaluator = mean_evaluator(lambda key, variables, batch: {"sum": batch.image.sum((1, 2, 3))})
    expected = images.sum(dtype=np.float64) / 3001
    np.testing.assert_allclose(evaluator(KEY, {}, cut(images, 10))["sum"], expected, rtol=1e-7)


def test_compiles_once_across_batches_calls_and_variables(images, cut):
    traces = []

    def statistics(key, variables, batch):
        traces.append(None)
        return brightness(key, variables, batch)

    evaluator = mean_evaluator(statistics)
    values = [evaluator(jax.random.key(i), gain(i), cut(images, 8))["brightness"] for i in range(3)]
    assert len(traces) == 1
    np.testing.assert_allclose(values, np.arange(3) * images.mean(dtype=np.float64), rtol=1e-6)


def test_key_decides_the_draws_and_batches_draw_apart(images, cut):
    def draws(key, variables, batch):
        return {"draw": jax.random.normal(key, batch.mask.shape)}

    evaluator = mean_evaluator(draws)
    one, two = cut(images[:8], 8), cut(images[:16], 8)
    assert evaluator(KEY, {}, two) == evaluator(KEY, {}, two)
    assert evaluator(KEY, {}, one) != evaluator(jax.random.key(1), {}, one)
    assert evaluator(KEY, {}, one) != evaluator(KEY, {}, two)


@pytest.mark.parametrize("masked", [True, False], ids=["padding only", "no batch"])
def test_refuses_to_average_nothing(images, cut, masked):
    batches = [b.replace(mask=jnp.zeros(8)) for b in cut(images, 8)] if masked else []
    with pytest.raises(ValueError, match="unmasked example"):
        mean_evaluator(brightness)(KEY, gain(1), batches)


def test_refuses_a_statistic_that_is_not_per_example(images, cut):
    evaluator = mean_evaluator(lambda key, variables, batch: {"rows": batch.image[0, :, 0, 0]})
    with pytest.raises(ValueError, match=r"'rows' must be a scalar or \[8\].*got \[12\]"):
        evaluator(KEY, {}, cut(images, 8))


def test_combine_merges_and_reads_a_generator_for_all(images, cut):
    rows = mean_evaluator(lambda key, variables, batch: {"corner": batch.image[:, 0, 0, 0]})
    both = combine(mean_evaluator(brightness), rows)
    actual = both(KEY, gain(1), (batch for batch in cut(images, 8)))
    assert actual.keys() == {"brightness", "corner"}
    np.testing.assert_allclose(actual["brightness"], images.mean(dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(actual["corner"], images[:, 0, 0, 0].mean(dtype=np.float64), rtol=1e-6)


def test_combine_gives_every_evaluator_the_same_key(images, cut):
    def draw(name):
        return mean_evaluator(lambda key, variables, batch: {name: jax.random.normal(key, ())})

    actual = combine(draw("a"), draw("b"))(KEY, {}, cut(images, 8))
    assert actual["a"] == actual["b"]


def test_combine_refuses_a_name_twice(images, cut):
    evaluator = mean_evaluator(brightness)
    with pytest.raises(ValueError, match="distinct metric names, got brightness twice"):
        combine(evaluator, evaluator)(KEY, gain(1), cut(images, 8))
