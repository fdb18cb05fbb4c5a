import numpy as np
import official_archives
import pytest

from jaxvae.data import DataError, load

NAMES = ("fashion_mnist", "cifar10", "stl10")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    """An empty cache directory, and no proxy."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(scope="module")
def archives(stand_ins):
    """{set: {file name: content}} of the stand-ins as official archives."""
    made = {name: getattr(official_archives, name)(stand_ins[name]) for name in NAMES}
    return made | {"celeb_a": official_archives.celeb_a(stand_ins["celeb_a"], _attribute_names())}


def _attribute_names():
    import tensorflow_datasets as tfds

    return list(tfds.builder("celeb_a").info.features["attributes"])


def put(archives, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in archives.items():
        (folder / name).write_bytes(content)


def same(dataset, expected):
    assert dataset.spec == expected.spec
    np.testing.assert_array_equal(dataset.images, expected.images)
    np.testing.assert_array_equal(dataset.labels, expected.labels)
    if expected.attributes is not None:
        assert dataset.attributes.names == expected.attributes.names
        np.testing.assert_array_equal(dataset.attributes.values, expected.attributes.values)


def refused(name, data_dir, split="train"):
    with pytest.raises(DataError) as refusal:
        load(name, split=split, data_dir=data_dir)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("limit", [None, 7, 22])
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", NAMES)
def test_archives_give_what_tfds_prepares_from_them(
    prepared, archives, monkeypatch, tmp_path, name, split, limit
):
    if split == "test" and limit:
        limit = 5
    official_archives.register(monkeypatch, name, archives[name])
    put(archives[name], tmp_path / "downloads" / name)
    expected = load(name, split=split, data_dir=prepared, limit=limit)
    same(load(name, split=split, data_dir=tmp_path, limit=limit), expected)


def test_stl10_is_resized_and_its_classes_are_chosen_alike(prepared, archives, monkeypatch, tmp_path):
    official_archives.register(monkeypatch, "stl10", archives["stl10"])
    put(archives["stl10"], tmp_path)
    names = load("stl10", split="test", data_dir=prepared).spec.class_names
    for options in ({"image_size": 32}, {"classes": (names[3], names[0], names[5]), "image_size": 8}):
        expected = load("stl10", split="train", data_dir=prepared, **options)
        same(load("stl10", split="train", data_dir=tmp_path, **options), expected)


def test_stl10_is_unpacked_once(archives, monkeypatch, tmp_path):
    official_archives.register(monkeypatch, "stl10", archives["stl10"])
    put(archives["stl10"], tmp_path)
    first = load("stl10", split="train", data_dir=tmp_path)
    (tmp_path / "stl10_binary.tar.gz").unlink()
    assert len(load("stl10", split="train", data_dir=tmp_path, limit=4)) == 4
    same(load("stl10", split="train", data_dir=tmp_path), first)


@pytest.mark.parametrize("folder", ["downloads/celeb_a", "downloads/manual", "."])
@pytest.mark.parametrize(("split", "limit"), [("train", None), ("train", 2), ("test", None)])
def test_celeb_a_is_read_from_files_put_by_hand(
    prepared, archives, monkeypatch, tmp_path, folder, split, limit
):
    official_archives.register(monkeypatch, "celeb_a", archives["celeb_a"])
    put(archives["celeb_a"], tmp_path / folder)
    expected = load("celeb_a", split=split, data_dir=prepared, limit=limit)
    same(load("celeb_a", split=split, data_dir=tmp_path, limit=limit), expected)
