from pathlib import Path

import pytest

from jaxvae.data import DataError
from jaxvae.data.splits import divide

ROOT = Path("root")


def division(*folders, parts=None, files=()):
    """The division of two pictures in each folder and of single files."""
    names = [f"{folder}/{i}.png" for folder in folders for i in (1, 2)] + list(files)
    found = divide(ROOT, [ROOT / name for name in names], parts or {})
    return names, found


def splits(*folders, **options):
    """{outermost folder: split}, and the class names."""
    names, found = division(*folders, **options)
    return {n.split("/")[0]: s for n, s in zip(names, found.splits, strict=True)}, found.class_names


def said(*folders, **options):
    with pytest.raises(DataError) as error:
        division(*folders, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("train", "val"),
        ("Training", "Validation"),
        ("TRAIN", "valid"),
        ("train2017", "val2017"),
        ("training_set", "test_set"),
        ("seg_train", "seg_test"),
        ("trainset", "testset"),
        ("train-images", "dev"),
    ],
)
def test_common_names_are_splits_in_any_case(train, test):
    found = splits(f"{train}/cat", f"{train}/dog", f"{test}/cat", f"{test}/dog")
    assert found == ({train: "train", test: "test"}, ("cat", "dog"))


def test_a_third_split_is_in_neither():
    names, found = division("train/cat", "train/dog", "Val/cat", "test/cat", "test/dog")
    assert [s for n, s in zip(names, found.splits, strict=True) if n.startswith("Val")] == ["validation"] * 2
    assert found.left_out == ["Val/cat/1.png", "Val/cat/2.png"]
    assert found.class_names == ("cat", "dog")


def test_pictures_beside_the_splits_are_in_neither_and_named():
    names, found = division("train/cat", "train/dog", "test/cat", "test/dog", files=["cover.png"])
    assert found.left_out == ["cover.png"]
    assert found.class_names == ("cat", "dog")
    assert (found.splits[names.index("cover.png")], found.labels[-1]) == ("validation", -1)


def test_a_split_in_a_folder_of_the_same_name_is_no_class():
    found = splits(
        "training_set/training_set/cats", "training_set/training_set/dogs", "test_set/test_set/cats"
    )
    assert found == ({"training_set": "train", "test_set": "test"}, ("cats", "dogs"))
    assert splits("train", "test") == ({"train": "train", "test": "test"}, ())


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("train", "test", "extra"), "holds extra, test, train, of which test, train may be splits"),
        (("cat", "dog", "test"), "holds cat, dog, test, of which test may be splits"),
        (("train/cat", "train/dog", "holding"), "of which train may be splits"),
        (("train", "hold_back"), "of which train may be splits"),
        (("test", "val"), "must have one folder to train on, such as train, but holds test, val; rename"),
        (("train", "Training", "test"), "must have one folder to train on"),
        (("train", "val", "valid"), "must have one folder for each split, but holds train, val, valid;"),
        (
            ("cat/train", "cat/test", "dog/train", "dog/test"),
            "splits outside classes, but cat holds test, train;",
        ),
        (
            ("nut/train/good", "nut/test/bad", "nut/masks", "cap/train/good"),
            "splits outside classes, but nut holds",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_was_seen(folders, message):
    assert said(*folders).startswith("root ")
    assert message in said(*folders)


def test_a_train_may_be_a_vehicle():
    assert splits("bus", "car", "train")[1] == ("bus", "car", "train")


def test_a_partition_decides_whatever_the_folders_are():
    parts = {"1.png": "train", "2.png": "test"}
    names, found = division("train", "extra", parts=parts)
    assert found.splits == [parts[Path(name).name] for name in names]
    assert found.class_names == ("extra", "train")
    assert division("train", "test", parts=parts)[1].class_names == ()
