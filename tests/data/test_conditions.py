import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import data


def make(values=None, *, labels=(0, 1, 2, 0, -1), class_names=("bird", "horse", "house")):
    rng = np.random.default_rng(0)
    attributes = None
    if values is not None:
        attributes = data.Attributes(("Smiling", "Bald"), np.array(values, bool))
    images = rng.integers(0, 256, (len(labels), 4, 4, 1), dtype=np.uint8)
    return data.from_arrays(
        images, np.array(labels), name="toy", class_names=class_names, attributes=attributes
    )


VALUES = [[0, 1], [1, 1], [0, 0], [1, 0], [1, 1]]


def test_hidden_labels_are_nested_and_leave_the_images():
    whole = data.load("drawn", split="test", image_size=8)
    some, more = (data.hide_labels(whole, share, seed=3) for share in (0.25, 0.5))
    assert (some.labels < 0).sum() == 30
    assert (more.labels < 0).sum() == 60
    assert np.all(more.labels[some.labels < 0] < 0)
    seen = more.labels >= 0
    np.testing.assert_array_equal(more.labels[seen], whole.labels[seen])
    np.testing.assert_array_equal(more.images, whole.images)
    assert len({whole.spec.fingerprint, some.spec.fingerprint, more.spec.fingerprint}) == 3
    assert data.hide_labels(whole, 0.0, seed=3).spec == whole.spec
    with pytest.raises(ValueError, match=r"must be in \[0, 1\), got 1"):
        data.hide_labels(whole, 1.0, seed=3)


def test_attributes_are_chosen_in_the_order_of_their_names():
    chosen = data.select_attributes(make(VALUES), ["Bald"])
    assert chosen.attributes.names == ("Bald",)
    np.testing.assert_array_equal(chosen.attributes.values[:, 0], np.array(VALUES)[:, 1])
    everything = data.select_attributes(make(VALUES), [])
    assert everything.spec == make(VALUES).spec


def test_classes_stand_in_for_attributes():
    made = data.select_attributes(make(), [])
    assert made.attributes.names == ("bird", "horse", "house")
    np.testing.assert_array_equal(made.attributes.values[:4], np.eye(3)[[0, 1, 2, 0]])
    assert not made.attributes.values[4].any()


@pytest.mark.parametrize(
    ("dataset", "names", "message"),
    [
        (make(VALUES), ["Smiling", "Hat"], "Unknown attribute 'Hat' of 'toy'; known are Smiling, Bald"),
        (make(VALUES), ["Bald", "Bald"], "attributes must be different names"),
        (make(labels=(-1, -1), class_names=()), [], "'toy' has neither attributes nor classes"),
    ],
)
def test_bad_choices_are_refused(dataset, names, message):
    with pytest.raises(ValueError, match=message):
        data.select_attributes(dataset, names)


@pytest.mark.parametrize(("value", "word"), [(0, "none"), (1, "all")])
def test_an_attribute_of_one_value_is_named(value, word):
    data.check_attributes(make(VALUES))
    data.check_attributes(make())
    values = [[value, second] for _, second in VALUES]
    with pytest.raises(ValueError, match=f"'Smiling' has a single value: {word} of the 5 images of 'toy'"):
        data.check_attributes(make(values))


def test_combinations_that_training_lacks_come_once():
    seen, other = (data.Attributes(("a", "b"), np.array(v, bool)) for v in ([[0, 0], [1, 0]], VALUES))
    found = data.new_combinations(seen, other)
    np.testing.assert_array_equal(found, [[0, 1], [1, 1]])
    assert data.new_combinations(other, other).shape == (0, 2)


def test_held_out_combinations_are_new_to_training():
    values = np.array([[bit == "1" for bit in f"{n % 32:05b}"] for n in range(64)])
    names = tuple("abcde")
    images = np.arange(64, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    attributes = data.Attributes(names, values)
    training = data.from_arrays(images, np.full(64, -1), name="toy", class_names=(), attributes=attributes)
    others = data.Attributes(names, values[:30])
    kept = {n: data.hold_out_combinations(training, others, n, seed=1) for n in (0, 2, None)}
    assert [len(dataset) for dataset in kept.values()] == [64, 60, 58]
    new = {n: data.new_combinations(dataset.attributes, others) for n, dataset in kept.items()}
    assert [len(rows) for rows in new.values()] == [0, 2, 3]
    assert {row.tobytes() for row in new[2]} < {row.tobytes() for row in new[None]}
    np.testing.assert_array_equal(kept[None].attributes.values, values[kept[None].images[:, 0, 0, 0]])
    assert kept[0].spec == training.spec
    for n in (-1, 4):
        with pytest.raises(
            ValueError, match=f"from 0 to 3, a tenth of the 30 combinations .*, got {n}; give fewer"
        ):
            data.hold_out_combinations(training, others, n, seed=1)
    with pytest.raises(ValueError, match="held out of images with attributes"):
        data.hold_out_combinations(make(), others, 1, seed=1)


@pytest.mark.parametrize("kind", [data.Resident, data.Streamed])
def test_batches_carry_attributes(kind):
    dataset = make(VALUES)
    (batch,) = data.batches(dataset, batch_size=6)
    np.testing.assert_array_equal(batch.attributes[:5], VALUES)
    source = kind(dataset, batch_size=2)
    rows = np.array([[[4, 1], [0, 2]]], np.int32)
    places, arrays = source.window(rows, steps=2) if kind is data.Streamed else (rows, source.arrays)
    batch = source.batch(arrays, jnp.asarray(places[0, 1]), jnp.arange(2))
    np.testing.assert_array_equal(batch.attributes, [VALUES[0], VALUES[2]])
    (bare,) = data.batches(make(), batch_size=5)
    assert bare.attributes is None
