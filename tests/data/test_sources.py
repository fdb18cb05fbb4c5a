import re

import numpy as np
import pytest

from jaxvae.data import NAMES, load


@pytest.mark.parametrize(
    ("arguments", "known"),
    [
        (
            {"name": "mnits", "split": "train"},
            f"data set 'mnits'; known are {', '.join(NAMES)}, folder:PATH",
        ),
        (
            {"name": "mnist", "split": "dev"},
            "split 'dev'; known are train, test, train_rest, validation",
        ),
        ({"name": "mnist", "split": "test", "source": "web"}, "source 'web'; known are bundled, tfds"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(arguments, known):
    with pytest.raises(ValueError, match=re.escape(f"Unknown {known}.")):
        load(**arguments)


def test_limit_keeps_the_first_examples():
    whole, part = load("mnist", split="test"), load("mnist", split="test", limit=7)
    np.testing.assert_array_equal(part.images, whole.images[:7])
    np.testing.assert_array_equal(part.labels, whole.labels[:7])
    assert part.spec.class_names == whole.spec.class_names
    assert part.spec.fingerprint != whole.spec.fingerprint


def test_limit_may_equal_the_number_of_examples():
    assert len(load("mnist", split="test", limit=10_000)) == 10_000


@pytest.mark.parametrize("limit", [0, -5])
def test_limit_below_one_is_refused(limit):
    with pytest.raises(ValueError, match=f"limit must be at least 1, got {limit}"):
        load("mnist", split="test", limit=limit)


def test_limit_beyond_the_data_is_refused():
    with pytest.raises(ValueError, match="limit must be at most the 10000 examples of mnist, got 10001"):
        load("mnist", split="test", limit=10_001)


def test_a_set_that_does_not_ship_is_not_bundled():
    with pytest.raises(
        ValueError,
        match="cifar10 does not ship with jaxvae, only mnist, drawn, drawn_faces; use source 'tfds'",
    ):
        load("cifar10", split="train", source="bundled")


def test_data_dir_is_never_ignored(tmp_path):
    with pytest.raises(ValueError, match="data_dir is where TFDS keeps its data"):
        load("mnist", split="train", source="bundled", data_dir=tmp_path)


def test_chosen_classes_are_numbered_in_the_order_of_their_names():
    whole, part = load("mnist", split="test"), load("mnist", split="test", classes=("7", "3"), limit=50)
    rows = np.flatnonzero(np.isin(whole.labels, (3, 7)))[:50]
    np.testing.assert_array_equal(part.images, whole.images[rows])
    np.testing.assert_array_equal(part.labels, whole.labels[rows] == 3)
    assert part.spec.class_names == ("7", "3")


def test_an_unknown_class_lists_the_known_ones():
    with pytest.raises(ValueError, match="Unknown class 'horse' of 'mnist'; known are 0, 1, 2, 3, 4, 5"):
        load("mnist", split="test", classes=("horse",))


def test_a_class_is_named_once():
    with pytest.raises(ValueError, match="each class must be named once, got 3, 3"):
        load("mnist", split="test", classes=("3", "3"))


def test_a_size_that_the_set_does_not_have_is_refused():
    assert load("mnist", split="test", image_size=28).spec.image_shape == (28, 28, 1)
    message = r"mnist has images of 28 x 28 pixels, got image_size 32; .* celeb_a, drawn, drawn_faces or folder:PATH"
    with pytest.raises(ValueError, match=message):
        load("mnist", split="test", image_size=32)


@pytest.mark.parametrize("name", ["stl10", "celeb_a", "folder:nowhere"])
def test_squares_of_fewer_than_eight_pixels_are_refused(name):
    with pytest.raises(ValueError, match=r"image_size must be at least 8, got 7\."):
        load(name, split="train", image_size=7)


@pytest.mark.parametrize("name", ["mnist", "drawn"])
def test_no_set_has_images_without_pixels(name):
    with pytest.raises(ValueError, match=r"image_size must be at least 1, got 0\."):
        load(name, split="train", image_size=0)
