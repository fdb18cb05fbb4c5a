from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from scipy import stats

from jaxvae.data import Resident, batches, from_arrays, pipeline

CLASSES = tuple("0123456789")


def _dataset(n):
    """Images whose first two pixels spell their own number."""
    images = np.random.default_rng(n).integers(0, 256, (n, 2, 3, 2), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.divmod(np.arange(n), 256)
    return from_arrays(images, np.arange(n) % 10, name="numbers", class_names=CLASSES)


def _numbers(batch):
    """The example numbers that a batch shows, masked places left out."""
    pixels = np.rint(np.asarray(batch.image) * 255).astype(int)
    return (pixels[:, 0, 0, 0] * 256 + pixels[:, 0, 0, 1])[np.asarray(batch.mask) == 1]


def _assert_equal(actual, expected):
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, b)


sizes = st.sampled_from([(1, 1), (2, 1), (5, 5), (7, 3), (8, 4), (13, 12), (33, 8), (60, 59)])
"""Examples and batch size: whole and partial batches, one example short of a batch, one more than a batch."""


@settings(deadline=None, max_examples=30)
@given(sizes, st.integers(0, 2**31 - 1))
def test_padded_epoch_shows_every_example_exactly_once(size, seed):
    n, batch_size = size
    source = Resident(_dataset(n), batch_size=batch_size, remainder="pad")
    order = source.order(jax.random.key(seed))
    assert order.shape == (source.steps_per_epoch, batch_size) == (-(-n // batch_size), batch_size)
    (padded,) = np.nonzero(order[-1] < 0)
    np.testing.assert_array_equal(~order[-1][padded], padded)
    assert source.examples_per_epoch == n
    index = jnp.arange(batch_size)
    shown = [_numbers(source.batch(source.arrays, row, index)) for row in order]
    np.testing.assert_array_equal(np.sort(np.concatenate(shown)), np.arange(n))


@settings(deadline=None, max_examples=30)
@given(sizes, st.integers(0, 2**31 - 1))
def test_dropped_epoch_shows_full_batches_of_distinct_examples(size, seed):
    n, batch_size = size
    source = Resident(_dataset(n), batch_size=batch_size)
    order = np.asarray(source.order(jax.random.key(seed)))
    assert order.shape == (source.steps_per_epoch, batch_size) == (n // batch_size, batch_size)
    assert source.examples_per_epoch == order.size == len(np.unique(order))
    assert 0 <= order.min() <= order.max() < n


def test_order_depends_on_the_key_alone():
    source = Resident(_dataset(100), batch_size=10)
    first, again, other = (source.order(jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.mean(np.asarray(first) == np.asarray(other)) < 0.1


def test_order_is_uniform():
    source = Resident(_dataset(5), batch_size=5)
    orders = jax.vmap(source.order)(jax.random.split(jax.random.key(0), 4000)).reshape(4000, 5)
    for place in range(5):
        assert stats.chisquare(np.bincount(orders[:, place], minlength=5)).pvalue > 1e-4


def test_batch_is_the_examples_of_the_row():
    dataset = _dataset(300)
    source = Resident(dataset, batch_size=4)
    row = np.array([299, 0, 7, 7], np.int32)
    batch = source.batch(source.arrays, jnp.asarray(row), jnp.arange(4))
    np.testing.assert_allclose(batch.image, dataset.images[row] / 255, rtol=1e-6)
    np.testing.assert_array_equal(batch.label, dataset.labels[row])
    np.testing.assert_array_equal(batch.mask, np.ones(4))
    np.testing.assert_array_equal(batch.index, np.arange(4))
    assert batch.image.dtype == jnp.float32


def test_pixels_reach_exactly_zero_and_one():
    images = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1)
    dataset = from_arrays(images, np.array([-1]), name="two pixels")
    (batch,) = batches(dataset, batch_size=1)
    np.testing.assert_array_equal(batch.image.ravel(), [0.0, 1.0])


def test_masked_places_show_distinct_real_images():
    dataset = _dataset(20)
    source = Resident(dataset, batch_size=6, remainder="pad")
    row = jnp.array([19, 3, ~2, ~3, ~4, ~5], jnp.int32)
    batch = source.batch(source.arrays, row, jnp.arange(6))
    np.testing.assert_array_equal(batch.mask, [1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(batch.label, [9, 3, -1, -1, -1, -1])
    np.testing.assert_allclose(batch.image[2:], dataset.images[2:6] / 255, rtol=1e-6)


def test_an_epoch_runs_inside_one_program_for_several_replicas():
    dataset = _dataset(50)
    source = Resident(dataset, batch_size=8, remainder="pad")
    arrays = jax.device_put(source.arrays)

    @jax.jit
    def epochs(keys, arrays):
        def epoch(key):
            order = source.order(key)

            def step(i, total):
                batch = source.batch(arrays, order[i], jnp.arange(8))
                return total + jnp.sum(batch.image * batch.mask[:, None, None, None], axis=0)

            return jax.lax.fori_loop(0, source.steps_per_epoch, step, jnp.zeros((2, 3, 2)))

        return jax.lax.map(epoch, keys)

    totals = epochs(jax.random.split(jax.random.key(0), 3), arrays)
    expected = (dataset.images / 255).sum(0)
    np.testing.assert_allclose(totals, np.stack([expected] * 3), rtol=1e-5)


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_slices_of_a_row_make_the_same_batch(devices):
    source = Resident(_dataset(30), batch_size=16, remainder="pad")
    row, index = source.order(jax.random.key(0))[-1], jnp.arange(16)
    whole = source.batch(source.arrays, row, index)
    parts = [
        source.batch(source.arrays, r, i)
        for r, i in zip(jnp.split(row, devices), jnp.split(index, devices), strict=True)
    ]
    joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
    _assert_equal(joined, whole)


@pytest.mark.parametrize("devices", [2, 8])
def test_a_row_sharded_over_devices_makes_the_same_batch(devices):
    mesh = Mesh(jax.devices()[:devices], ("data",))
    source = Resident(_dataset(30), batch_size=16, remainder="pad")
    row, index = source.order(jax.random.key(0))[-1], jnp.arange(16)
    whole = source.batch(source.arrays, row, index)
    arrays = jax.device_put(source.arrays, NamedSharding(mesh, PartitionSpec()))
    row, index = jax.device_put((row, index), NamedSharding(mesh, PartitionSpec("data")))
    _assert_equal(jax.jit(source.batch)(arrays, row, index), whole)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(1, 50))
def test_evaluation_shows_every_example_once_in_batches_that_stand_for_the_whole_set(n, batch_size):
    dataset = _dataset(n)
    seen = list(batches(dataset, batch_size=batch_size))
    assert len(seen) == -(-n // batch_size)
    for first, batch in enumerate(seen):
        real = np.asarray(batch.mask) > 0
        numbers = np.arange(first, n, len(seen))
        np.testing.assert_array_equal(_numbers(batch)[: real.sum()], numbers)
        np.testing.assert_array_equal(batch.label[real], dataset.labels[numbers])
        np.testing.assert_array_equal(batch.label[~real], -1)
    assert sum(float(batch.mask.sum()) for batch in seen) == n
    assert {batch.image.shape for batch in seen} == {(batch_size, 2, 3, 2)}


def test_batches_are_a_sequence_and_gathered_anew_each_time():
    served = batches(_dataset(23), batch_size=5)
    assert isinstance(served, Sequence)
    assert len(served) == 5
    first, second = list(served), list(served)
    _assert_equal(first, second)
    _assert_equal([served[place] for place in (0, 4, -1)], [first[place] for place in (0, 4, -1)])
    assert served[0].image is not served[0].image
    for place in (5, -6):
        with pytest.raises(IndexError):
            served[place]


@pytest.mark.parametrize(
    "part", [slice(None, None, 2), slice(1, 4), slice(None, None, -1), slice(9, None)], ids=str
)
def test_a_slice_of_batches_is_such_a_sequence(part, monkeypatch):
    served = batches(_dataset(23), batch_size=5)
    expected = list(served)[part]
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "extract", lambda *_: pytest.fail("it gathers"))
        chosen = served[part]
        assert len(chosen) == len(expected)
    _assert_equal(list(chosen), expected)
    _assert_equal(list(chosen[1:]), expected[1:])


def test_a_ragged_last_batch_does_not_recompile():
    traces = []

    @jax.jit
    def step(batch):
        traces.append(batch.image.shape)
        return batch.image.sum()

    for batch in batches(_dataset(23), batch_size=5):
        step(batch)
    assert traces == [(5, 2, 3, 2)]


@pytest.mark.parametrize("batch_size", [0, -1, 11])
@pytest.mark.parametrize("remainder", ["drop", "pad"])
def test_a_batch_size_out_of_range_is_refused(batch_size, remainder):
    message = f"batch_size must be between 1 and the 10 examples of numbers, got {batch_size}"
    with pytest.raises(ValueError, match=message):
        Resident(_dataset(10), batch_size=batch_size, remainder=remainder)


@pytest.mark.parametrize("batch_size", [0, -3])
def test_evaluation_refuses_a_batch_size_below_one_at_once(batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, got {batch_size}"):
        batches(_dataset(10), batch_size=batch_size)


def test_an_unknown_remainder_lists_the_known_ones():
    with pytest.raises(ValueError, match="Unknown remainder 'wrap'; known are drop, pad"):
        Resident(_dataset(10), batch_size=2, remainder="wrap")
