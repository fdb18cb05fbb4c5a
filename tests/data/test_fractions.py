import re

import numpy as np
import pytest

from jaxvae.data import balanced_fraction, from_arrays

COUNTS = (40, 7, 100)


def animals(counts=COUNTS):
    """Every image is its number, written in two bytes."""
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    numbers = np.arange(len(labels), dtype=np.uint16)
    images = np.stack([numbers // 256, numbers % 256], axis=1).astype(np.uint8).reshape(-1, 1, 2, 1)
    return from_arrays(images, labels, name="animals", class_names=("cat", "dog", "horse")[: len(counts)])


def numbers(dataset):
    images = dataset.images.reshape(-1, 2).astype(int)
    return (images[:, 0] * 256 + images[:, 1]).tolist()


@pytest.mark.parametrize(("share", "counts"), [(0.5, [20, 4, 50]), (0.1, [4, 1, 10]), (0.99, [40, 7, 99])])
def test_every_class_keeps_its_share_and_its_images(share, counts):
    whole = animals()
    part = balanced_fraction(whole, share, seed=3)
    drawn = numbers(part)
    assert np.bincount(part.labels).tolist() == counts
    assert len(set(drawn)) == len(part)
    np.testing.assert_array_equal(part.labels, whole.labels[drawn])


@pytest.mark.parametrize("seed", [0, 1])
def test_larger_shares_contain_smaller_ones(seed):
    parts = [set(numbers(balanced_fraction(animals(), share, seed=seed))) for share in (0.1, 0.3, 0.31, 0.9)]
    assert parts[0] < parts[1] <= parts[2] < parts[3]


def test_seed_decides_the_draw_and_its_order():
    first, again, other = (numbers(balanced_fraction(animals(), 0.5, seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert set(first) != set(other)
    assert first != sorted(first)
    # Neither are the classes in order: their examples are mixed.
    labels = balanced_fraction(animals(), 0.5, seed=0).labels
    assert np.sum(labels[1:] != labels[:-1]) > 10


def test_the_whole_is_left_in_its_order():
    whole = animals()
    part = balanced_fraction(whole, 1.0, seed=5)
    assert numbers(part) == numbers(whole)
    assert part.spec == whole.spec


def test_a_part_keeps_the_name_and_has_a_fingerprint_of_its_own():
    whole = animals()
    part = balanced_fraction(whole, 0.5, seed=0)
    same = from_arrays(part.images, part.labels, name="b", class_names=whole.spec.class_names)
    assert part.spec.name == "animals"
    assert part.spec.class_names == whole.spec.class_names
    assert part.spec.fingerprint == same.spec.fingerprint != whole.spec.fingerprint


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match=re.escape(f"must be in (0, 1], got {share}.")):
        balanced_fraction(animals(), share, seed=0)


@pytest.mark.parametrize("fewest", [1, 3, 5, 7, 24])
def test_a_share_that_empties_a_class_names_it_and_the_least_that_does_not(fewest):
    whole = animals((40, fewest, 100))
    with pytest.raises(ValueError, match=r"of 'animals' leaves class 'dog' without an example") as refusal:
        balanced_fraction(whole, 0.5 / fewest - 1e-5, seed=0)
    least = float(re.search(r"use at least (.+)\.$", str(refusal.value))[1])
    assert np.bincount(balanced_fraction(whole, least, seed=0).labels)[1] == 1
    with pytest.raises(ValueError, match="without an example"):
        balanced_fraction(whole, least - 2e-6, seed=0)


def test_a_set_without_all_its_labels_is_refused():
    whole = animals()
    partly = from_arrays(whole.images, np.where(np.arange(147) < 2, -1, whole.labels), name="photos")
    with pytest.raises(ValueError, match="'photos' needs a label for every example, got 2 without one"):
        balanced_fraction(partly, 0.5, seed=0)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_class_without_an_example_is_refused(share):
    with pytest.raises(ValueError, match="'animals' has no example of class 'dog'"):
        balanced_fraction(animals((4, 0, 4)), share, seed=0)
