import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.data import Resident, Streamed, from_arrays, serve

STEPS = 3


def dataset(n=23):
    images = np.random.default_rng(n).integers(0, 256, (n, 2, 3, 2), dtype=np.uint8)
    return from_arrays(images, np.arange(n) % 10, name="numbers", class_names=tuple("0123456789"))


def orders(source, seeds):
    return np.stack([np.asarray(source.order(jax.random.key(seed))) for seed in seeds])


@pytest.mark.parametrize("remainder", ["drop", "pad"])
@pytest.mark.parametrize("batch_size", [1, 4, 23])
def test_windows_make_the_same_batches_as_the_whole_set(batch_size, remainder):
    held = Resident(dataset(), batch_size=batch_size, remainder=remainder)
    streamed = Streamed(dataset(), batch_size=batch_size, remainder=remainder)
    assert streamed.steps_per_epoch == held.steps_per_epoch
    order, index = orders(held, (0, 1)), jnp.arange(batch_size)
    np.testing.assert_array_equal(orders(streamed, (0, 1)), order)
    for first in range(0, held.steps_per_epoch, STEPS):
        given = order[:, first : first + STEPS]
        rows, arrays = streamed.window(given, steps=STEPS)
        assert rows.shape == (2, STEPS, batch_size)
        for replica in range(2):
            for step in range(given.shape[1]):
                batch = streamed.batch(arrays, jnp.asarray(rows[replica, step]), index)
                expected = held.batch(held.arrays, jnp.asarray(given[replica, step]), index)
                for a, b in zip(jax.tree.leaves(batch), jax.tree.leaves(expected), strict=True):
                    np.testing.assert_array_equal(a, b)


def test_windows_have_one_shape_and_replicas_of_a_seed_share_examples():
    source = Streamed(dataset(), batch_size=5, remainder="pad")
    order = orders(source, (0, 0, 1))
    first, last = (source.window(order[:, start : start + STEPS], steps=STEPS) for start in (0, 3))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(last), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    rows, arrays = first
    assert arrays["image"].shape == (2 * STEPS * 5, 12)
    assert arrays["image"].dtype == np.uint8
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.any(rows[0] == rows[2])


def test_sets_that_take_too_much_memory_are_streamed():
    images = dataset()
    small = serve(images, batch_size=2, memory=4 * images.images.nbytes)
    large = serve(images, batch_size=2, remainder="pad", memory=4 * images.images.nbytes - 1)
    assert type(small) is Resident
    assert type(large) is Streamed
    assert (large.batch_size, large.remainder) == (2, "pad")
    assert type(serve(images, batch_size=2)) is Resident
