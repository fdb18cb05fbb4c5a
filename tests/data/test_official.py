import hashlib
import pickle
import shutil
import sys
import time

import numpy as np
import official_archives
import pytest
from tfds_stand_ins import face_name

from jaxvae.data import DataError, load

NAMES = ("fashion_mnist", "cifar10", "stl10")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    """An empty cache directory and no proxy."""
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
    before = "tensorflow" in sys.modules
    same(load(name, split=split, data_dir=tmp_path, limit=limit), expected)
    assert ("tensorflow" in sys.modules) == before


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


@pytest.mark.parametrize("unpacked", [True, False])
def test_celeb_a_is_read_from_the_csv_form_of_its_mirrors(
    prepared, archives, monkeypatch, tmp_path, unpacked
):
    official_archives.register(monkeypatch, "celeb_a", archives["celeb_a"])
    folder = tmp_path / "downloads" / "celeb_a"
    put(official_archives.as_csv(archives["celeb_a"]), folder)
    if unpacked:  # as Kaggle has it, one folder in another
        shutil.unpack_archive(folder / "img_align_celeba.zip", folder / "img_align_celeba")
        (folder / "img_align_celeba.zip").unlink()
        assert len(load(f"folder:{folder}", split="test")) == 3
    expected = load("celeb_a", split="train", data_dir=prepared)
    same(load("celeb_a", split="train", data_dir=tmp_path), expected)


def test_celeb_a_is_read_from_the_folders_of_its_authors(prepared, archives, monkeypatch, tmp_path):
    official_archives.register(monkeypatch, "celeb_a", archives["celeb_a"])
    folder = tmp_path / "downloads" / "celeb_a"
    for place, name in (("Img", "img_align"), ("Anno", "list_attr"), ("Eval", "list_eval")):
        put({file: content for file, content in archives["celeb_a"].items() if name in file}, folder / place)
    same(load("celeb_a", split="test", data_dir=tmp_path), load("celeb_a", split="test", data_dir=prepared))
    (folder / "Eval").rename(tmp_path / "Eval")
    same(load("celeb_a", split="test", data_dir=tmp_path), load("celeb_a", split="test", data_dir=prepared))


def test_archives_of_another_form_are_one_line(monkeypatch, tmp_path):
    files = {"data_batch_1.bin": b"12345", "batches.meta.txt": b"\xff\n"}
    files |= {f"data_batch_{i}.bin": b"6" for i in range(2, 6)}
    archive = {"cifar-10-binary.tar.gz": official_archives.tar("cifar-10-batches-bin", files)}
    official_archives.register(monkeypatch, "cifar10", archive)
    put(archive, tmp_path)
    assert "cannot be read (cannot reshape array of size 5 " in refused("cifar10", tmp_path)


def test_a_damaged_picture_of_celeb_a_is_one_line(archives, monkeypatch, tmp_path):
    official_archives.register(monkeypatch, "celeb_a", archives["celeb_a"])
    put(official_archives.as_csv(archives["celeb_a"]), tmp_path)
    shutil.unpack_archive(tmp_path / "img_align_celeba.zip", tmp_path)
    (tmp_path / "img_align_celeba.zip").unlink()
    (tmp_path / "img_align_celeba" / face_name("train", 1)).write_bytes(b"no picture")
    assert f"celeb_a in {tmp_path / 'img_align_celeba'} cannot be read" in refused("celeb_a", tmp_path)


def test_lists_of_another_set_than_celeb_a_are_refused(archives, monkeypatch, tmp_path):
    official_archives.register(monkeypatch, "celeb_a", archives["celeb_a"])
    files = official_archives.as_csv(archives["celeb_a"])
    files["list_attr_celeba.csv"] = files["list_attr_celeba.csv"].replace(b"Smiling", b"Laughing")
    put(files, tmp_path)
    assert "list_attr_celeba.csv must list CelebA's 40 attributes, but names Laughing" in refused(
        "celeb_a", tmp_path
    )


def test_what_tfds_has_prepared_wins(prepared, archives, monkeypatch, tmp_path):
    official_archives.register(monkeypatch, "cifar10", archives["cifar10"])
    shutil.copytree(prepared / "cifar10", tmp_path / "cifar10")
    put({"cifar-10-binary.tar.gz": b"not looked at"}, tmp_path)
    same(load("cifar10", split="test", data_dir=tmp_path), load("cifar10", split="test", data_dir=prepared))


@pytest.mark.parametrize("name", [*NAMES, "celeb_a"])
@pytest.mark.parametrize("damage", ["truncated", "altered", "empty"])
def test_another_version_of_an_archive_is_refused(archives, monkeypatch, tmp_path, name, damage):
    official_archives.register(monkeypatch, name, archives[name])
    put(archives[name], tmp_path)
    path = tmp_path / max(archives[name], key=lambda file: len(archives[name][file]))
    content = path.read_bytes()
    path.write_bytes({"truncated": content[:-1], "altered": content[:-1] + b"?", "empty": b""}[damage])
    message = refused(name, tmp_path)
    assert f"{path} is not the {path.name} that TFDS has registered" in message
    if damage == "altered":
        expected, found = (hashlib.sha256(bytes_).hexdigest() for bytes_ in (content, path.read_bytes()))
        assert f"expected SHA-256 {expected}, got {found}" in message
    else:
        assert f"expected {len(content)} bytes, got {path.stat().st_size}" in message
    assert f"replace it by the file from http://127.0.0.1:9/{path.name}" in message
    assert path.exists()


def test_no_pickle_is_executed(monkeypatch, tmp_path):
    """CIFAR-10's archive for Python, under the name of the binary one."""

    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    archive = official_archives.tar("cifar-10-batches-py", {"data_batch_1": pickle.dumps(Trap())})
    put({"cifar-10-binary.tar.gz": archive}, tmp_path)
    assert "cifar-10-binary.tar.gz is not the cifar-10-binary.tar.gz that TFDS has registered" in refused(
        "cifar10", tmp_path
    )
    official_archives.register(monkeypatch, "cifar10", {"cifar-10-binary.tar.gz": archive})
    assert "lacks cifar-10-batches-bin/batches.meta.txt" in refused("cifar10", tmp_path)
    assert not (tmp_path / "executed").exists()


def test_the_installed_tfds_says_which_archives_are_official():
    import tensorflow_datasets as tfds

    from jaxvae.data.archives import registered

    sizes = {
        name: {a.filename: a.size for a in registered(tfds.builder(name))} for name in (*NAMES, "celeb_a")
    }
    assert sizes["cifar10"] == {"cifar-10-binary.tar.gz": 170052171}
    assert sizes["stl10"] == {"stl10_binary.tar.gz": 2640397119}
    assert sizes["fashion_mnist"]["train-images-idx3-ubyte.gz"] == 26421880
    assert {"img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt"} < set(sizes["celeb_a"])


@pytest.mark.parametrize("name", NAMES)
def test_archives_are_downloaded_where_they_are_missing(prepared, archives, monkeypatch, tmp_path, name):
    host = official_archives.Host(archives[name])
    with host.running() as base:
        official_archives.register(monkeypatch, name, archives[name], base)
        train, test = (load(name, split=split, data_dir=tmp_path) for split in ("train", "test"))
    same(train, load(name, split="train", data_dir=prepared))
    same(test, load(name, split="test", data_dir=prepared))
    assert sorted(host.requests) == sorted(("GET", file, 0) for file in archives[name])
    folder = tmp_path / "downloads" / name
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == archives[name]


def test_only_the_archives_that_are_missing_are_downloaded(archives, monkeypatch, tmp_path):
    files = archives["fashion_mnist"]
    host = official_archives.Host(files)
    (first, *others) = sorted(files)
    put({first: files[first]}, tmp_path)
    with host.running() as base:
        official_archives.register(monkeypatch, "fashion_mnist", files, base)
        load("fashion_mnist", split="test", data_dir=tmp_path)
    assert [name for _, name, _ in host.requests] == others


def test_without_network_the_archives_and_their_folder_are_named(archives, monkeypatch, tmp_path):
    official_archives.register(monkeypatch, "fashion_mnist", archives["fashion_mnist"])
    put({"t10k-labels-idx1-ubyte.gz": archives["fashion_mnist"]["t10k-labels-idx1-ubyte.gz"]}, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    start = time.monotonic()
    message = refused("fashion_mnist", tmp_path)
    assert time.monotonic() - start < 5
    names = "t10k-images-idx3-ubyte.gz, train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz"
    assert message.startswith(
        f"fashion_mnist is not prepared in {tmp_path} and cannot be downloaded now, 127.0.0.1:9 cannot be reached "
        f"(Connection refused); put {names} into {tmp_path}/downloads/fashion_mnist, or connect to the network; or "
    )
    assert sorted(tmp_path.rglob("*")) == before
