"""Training images that are held out to choose settings by."""

import numpy as np
import pytest
from PIL import Image

from jaxvae import data
from jaxvae.data import sources


def same(part, whole, rows):
    np.testing.assert_array_equal(part.images, whole.images[rows])
    np.testing.assert_array_equal(part.labels, whole.labels[rows])
    assert part.spec.class_names == whole.spec.class_names


@pytest.fixture
def no_test_split(monkeypatch):
    """Makes it an error to read a test split."""
    read = sources._read

    def guarded(name, split, *arguments, **options):
        assert split != "test"
        return read(name, split, *arguments, **options)

    monkeypatch.setattr(sources, "_read", guarded)


def test_the_last_training_digits_are_measured_and_not_trained_on(no_test_split):
    whole = data.load("mnist", split="train")
    train, measured = data.load_splits("mnist", measure_on="validation")
    same(train, whole, slice(50_000))
    same(measured, whole, slice(50_000, 60_000))
    train, measured = data.load_splits("mnist", measure_on="validation", limit=20)
    same(train, whole, slice(20))
    same(measured, whole, slice(50_000, 50_020))
    train, measured = data.load_splits("mnist", measure_on="validation", limit=20_000)
    assert (len(train), len(measured)) == (20_000, 10_000)
    with pytest.raises(ValueError, match="limit must be at most the 50000 examples of mnist, got 50001"):
        data.load_splits("mnist", measure_on="validation", limit=50_001)


def test_classes_are_kept_of_both_parts(no_test_split):
    whole = data.load("mnist", split="train")
    _, measured = data.load_splits("mnist", measure_on="validation", classes=("7", "3"))
    rows = 50_000 + np.flatnonzero(np.isin(whole.labels[50_000:], (3, 7)))
    np.testing.assert_array_equal(measured.images, whole.images[rows])
    assert measured.spec.class_names == ("7", "3")


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [("fashion_mnist", {}, 9), ("cifar10", {}, 4), ("stl10", {"image_size": 8}, 3), ("mnist", {}, 10)],
)
def test_other_sets_hold_out_a_share(prepared, no_test_split, monkeypatch, tmp_path, name, options, count):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    options |= {"data_dir": prepared, "source": "tfds"}
    whole = data.load(name, split="train", **options)
    train, measured = data.load_splits(name, measure_on="validation", **options)
    same(train, whole, slice(-count))
    same(measured, whole, slice(-count, None))


def test_celeba_has_its_own(prepared, no_test_split, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    options = {"image_size": 8, "data_dir": prepared}
    train, measured = data.load_splits("celeb_a", measure_on="validation", **options)
    assert (len(train), len(measured)) == (4, 2)
    assert train.spec == data.load("celeb_a", split="train", **options).spec


def test_a_folder_holds_out_some_of_its_training_pictures(no_test_split, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "set"
    for name in ("train/0.png", "train/1.png", "test/2.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), int(name[-5]), np.uint8)).save(root / name)
    parts = data.load_splits(f"folder:{root}", image_size=8, measure_on="validation")
    assert {int(part.images.flat[0]) for part in parts} == {0, 1}
    (root / "train" / "1.png").unlink()
    with pytest.raises(
        ValueError, match=r"needs two or more training images, .* got 1; add some, or measure on the test"
    ):
        data.load_splits(f"folder:{root}", image_size=8, measure_on="validation")


def test_what_is_measured_on_is_one_of_two():
    with pytest.raises(ValueError, match="Unknown split to measure on 'train'; known are test, validation"):
        data.load_splits("drawn", measure_on="train")
