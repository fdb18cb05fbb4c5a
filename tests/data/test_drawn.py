import numpy as np
import pytest

from jaxvae.data import load, load_splits

SPLITS = load_splits("drawn")


def test_the_splits_are_mixed_and_balanced():
    for dataset, count in zip(SPLITS, (600, 120), strict=True):
        assert dataset.images.shape == (count, 32, 32, 3)
        assert dataset.spec.class_names == ("bird", "horse", "house")
        np.testing.assert_array_equal(np.bincount(dataset.labels), 3 * [count // 3])
        assert len(np.unique(dataset.labels[:10])) == 3


def test_a_split_is_the_same_each_time():
    again = load("drawn", split="test")
    np.testing.assert_array_equal(again.images, SPLITS[1].images)
    assert again.spec == SPLITS[1].spec


def test_no_picture_is_drawn_twice():
    pictures = np.concatenate([split.images for split in SPLITS])
    assert len({picture.tobytes() for picture in pictures}) == 720


def test_a_picture_looks_the_same_in_every_size():
    large = load("drawn", split="test", image_size=64)
    np.testing.assert_array_equal(large.labels, SPLITS[1].labels)
    shrunk = large.images.reshape(120, 32, 2, 32, 2, 3).mean((2, 4))
    assert np.abs(shrunk - SPLITS[1].images).mean() < 4
    assert np.abs(shrunk - SPLITS[1].images[::-1]).mean() > 20


def test_classes_can_be_told_by_what_is_drawn():
    """By the nearest class mean: a set to try experiments on must show them something."""
    train, test = SPLITS
    means = np.stack([train.images[train.labels == label].mean(0) for label in range(3)])
    distances = ((test.images[:, None] - means) ** 2).sum((2, 3, 4))
    assert (distances.argmin(1) == test.labels).mean() > 0.6


def test_classes_can_be_chosen():
    part = load("drawn", split="train", classes=("horse", "bird"))
    assert (len(part), part.spec.class_names) == (400, ("horse", "bird"))


@pytest.mark.parametrize("size", [8, 256])
def test_the_smallest_and_the_largest_size_are_drawn(size):
    assert load("drawn", split="test", image_size=size).images.shape == (120, size, size, 3)


@pytest.mark.parametrize("size", [7, 257])
def test_another_size_is_refused(size):
    with pytest.raises(
        ValueError, match=f"drawn has pictures of 8 to 256 pixels a side, got image_size {size}"
    ):
        load("drawn", split="test", image_size=size)


@pytest.mark.parametrize("where", [{"source": "tfds"}, {"data_dir": "somewhere"}])
def test_it_is_not_looked_for_elsewhere(where):
    with pytest.raises(
        ValueError, match="drawn is drawn by jaxvae itself; leave data_dir and source 'tfds' out"
    ):
        load("drawn", split="test", **where)


def test_a_limit_draws_the_first_pictures_only():
    whole, first = (load("drawn", split="train", limit=limit) for limit in (None, 7))
    np.testing.assert_array_equal(first.images, whole.images[:7])
    np.testing.assert_array_equal(first.labels, whole.labels[:7])
    assert len(first) == 7
