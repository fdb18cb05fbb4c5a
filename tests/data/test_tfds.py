import io
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxvae.data import DataError, load
from jaxvae.data.tfds import _decode

FULL = Path("/dev/full")
CLASS_NAMES = {
    "mnist": ("0", "9"),
    "fashion_mnist": ("T-shirt/top", "Ankle boot"),
    "cifar10": ("airplane", "truck"),
}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    """An empty cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def _examples(images, labels):
    return sorted((image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_gives_back_every_image_with_its_label(prepared, stand_ins, name, split):
    images, labels = stand_ins[name][split]
    dataset = load(name, split=split, source="tfds", data_dir=prepared)
    assert dataset.images.shape == images.shape
    assert _examples(dataset.images, dataset.labels) == _examples(images, labels)
    assert (dataset.spec.class_names[0], dataset.spec.class_names[-1]) == CLASS_NAMES[name]
    assert len(dataset.spec.class_names) == 10
    assert dataset.spec.image_shape == images.shape[1:]


@pytest.mark.parametrize("name", ["[2024] data", "what? all * of it"])
def test_any_characters_may_be_in_the_path(prepared, tmp_path, name):
    shutil.copytree(prepared / "cifar10", tmp_path / name / "cifar10")
    expected, found = (
        load("cifar10", split="test", data_dir=data_dir) for data_dir in (prepared, tmp_path / name)
    )
    assert found.spec == expected.spec


def test_mnist_is_the_bundled_one_in_another_order(prepared):
    bundled = load("mnist", split="train", limit=60)
    other = load("mnist", split="train", source="tfds", data_dir=prepared)
    assert _examples(other.images, other.labels) == _examples(bundled.images, bundled.labels)
    assert other.spec.class_names == bundled.spec.class_names
    assert other.spec.fingerprint != bundled.spec.fingerprint


def test_a_data_dir_chooses_tfds(prepared):
    assert len(load("mnist", split="test", data_dir=prepared)) == 20


def test_reading_twice_gives_the_same_order(prepared):
    first, second = (load("cifar10", split="train", data_dir=prepared) for _ in range(2))
    assert first.spec == second.spec


@pytest.mark.parametrize("size", [1, 7, 40])
def test_slices_join_without_gap(prepared, monkeypatch, size):
    whole = load("cifar10", split="train", data_dir=prepared)
    monkeypatch.setattr("jaxvae.data.tfds._SLICE", size)
    assert load("cifar10", split="train", data_dir=prepared).spec == whole.spec


def test_limit_reads_the_first_examples(prepared):
    whole = load("cifar10", split="train", data_dir=prepared)
    part = load("cifar10", split="train", data_dir=prepared, limit=5)
    np.testing.assert_array_equal(part.images, whole.images[:5])
    np.testing.assert_array_equal(part.labels, whole.labels[:5])


def test_limit_beyond_the_data_is_refused(prepared):
    with pytest.raises(ValueError, match="limit must be at most the 40 examples of cifar10, got 41"):
        load("cifar10", split="train", data_dir=prepared, limit=41)


@pytest.mark.parametrize("limit", [None, 25])
def test_stl10_is_trained_on_with_its_unlabelled_images(prepared, stand_ins, limit):
    dataset = load("stl10", split="train", data_dir=prepared, limit=limit)
    parts = [stand_ins["stl10"][split] for split in ("train", "unlabelled")]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    assert dataset.spec.name == "stl10"
    assert dataset.spec.image_shape == (96, 96, 3)
    assert len(dataset) == (limit or 29)
    assert set(_examples(dataset.images, dataset.labels)) <= set(_examples(images, labels))
    test = load("stl10", split="test", data_dir=prepared)
    assert _examples(test.images, test.labels) == _examples(*stand_ins["stl10"]["test"])


def test_classes_of_stl10_leave_the_unlabelled_images_out(prepared, stand_ins):
    images, labels = stand_ins["stl10"]["train"]
    first, second = sorted(set(labels.tolist()))[:2]
    names = load("stl10", split="test", data_dir=prepared).spec.class_names
    chosen = load("stl10", split="train", data_dir=prepared, classes=(names[second], names[first]))
    rows = np.flatnonzero(np.isin(labels, (first, second)))
    assert _examples(chosen.images, chosen.labels) == _examples(images[rows], labels[rows] == first)
    with pytest.raises(ValueError, match="Unknown class 'hors' of 'stl10'; known are airplane, bird, car"):
        load("stl10", split="train", data_dir=prepared, classes=("hors",))


def test_stl10_is_decoded_once(prepared, monkeypatch):
    first = load("stl10", split="train", data_dir=prepared)
    small = load("stl10", split="train", data_dir=prepared, image_size=32)
    assert small.images.shape == (29, 32, 32, 3)
    monkeypatch.setattr("jaxvae.data.tfds._encoded", lambda source, count: iter([None]))
    second = load("stl10", split="train", data_dir=prepared)
    assert second.spec == first.spec
    np.testing.assert_array_equal(second.images, first.images)


@pytest.mark.skipif(not FULL.exists(), reason="a disk that is always full is Linux's")
def test_a_full_disk_does_not_blame_the_data(prepared, monkeypatch):
    opened = Path.open

    def open_full(path, *arguments, **options):
        return opened(FULL if path.name == "images.bin" else path, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(DataError, match=r"decoded pictures cannot be kept in .*: No space left") as refusal:
        load("stl10", split="train", data_dir=prepared, image_size=32)
    assert "delete it" not in str(refusal.value)


@pytest.mark.parametrize("limit", [None, 2])
def test_celeb_a_is_cropped_and_has_attributes(prepared, stand_ins, limit):
    faces = load("celeb_a", split="train", data_dir=prepared, image_size=148, limit=limit)
    images, attributes = stand_ins["celeb_a"]["train"]
    middles = {
        image.tobytes(): tuple(a) for image, a in zip(images[:, 35:183, 15:163], attributes, strict=True)
    }
    assert len(faces) == (limit or 4)
    for image, values in zip(faces.images, faces.attributes.values, strict=True):
        assert middles[image.tobytes()] == tuple(values)
    assert len(faces.attributes.names) == 40
    assert "Smiling" in faces.attributes.names
    np.testing.assert_array_equal(faces.labels, -1)
    assert load("celeb_a", split="test", data_dir=prepared).images.shape == (3, 64, 64, 3)


def test_leaves_logging_as_it_was(prepared):
    before = logging.getLogger("absl").level
    load("cifar10", split="test", data_dir=prepared)
    assert logging.getLogger("absl").level == before


READ = """
import sys
import jaxvae.data
assert "tensorflow_datasets" not in sys.modules, "importing jaxvae.data is slow"
jaxvae.data.load("cifar10", split="test", data_dir=sys.argv[1])
assert "tensorflow_datasets" in sys.modules
assert "tensorflow" not in sys.modules
"""


def test_import_is_light_and_reading_needs_no_tensorflow(prepared):
    done = subprocess.run([sys.executable, "-c", READ, prepared], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.fixture
def copied(prepared, tmp_path):
    shutil.copytree(prepared / "cifar10", tmp_path / "cifar10")
    (version,) = (tmp_path / "cifar10").iterdir()
    return tmp_path, version


def _truncate(version):
    (shard,) = version.glob("cifar10-test.array_record*")
    shard.write_bytes(shard.read_bytes()[:-1000])


def _remove(version):
    (shard,) = version.glob("cifar10-test.array_record*")
    shard.unlink()


@pytest.mark.parametrize("damage", [_truncate, _remove])
def test_damaged_data_is_refused_with_one_line(copied, damage):
    data_dir, version = copied
    damage(version)
    with pytest.raises(DataError, match=r"cifar10 in .* cannot be read \(.*\); delete it") as refusal:
        load("cifar10", split="test", data_dir=data_dir)
    assert "\n" not in str(refusal.value)


def test_another_storage_format_is_refused(copied):
    data_dir, version = copied
    info = version / "dataset_info.json"
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(DataError, match="is stored as tfrecord, expected array_record"):
        load("cifar10", split="test", data_dir=data_dir)


def test_unfinished_data_is_refused(copied):
    data_dir, version = copied
    (version / "dataset_info.json").unlink()
    with pytest.raises(DataError, match="holds unfinished data of TFDS; delete it"):
        load("cifar10", split="test", data_dir=data_dir)


GREY = np.random.default_rng(0).integers(0, 256, (6, 5), dtype=np.uint8)
STORED = {
    "grey": Image.fromarray(GREY),
    "palette": Image.fromarray(255 - GREY).convert("P"),
    "16 bits": Image.fromarray(GREY.astype(np.uint16) * 257),
    "alpha": Image.fromarray(np.dstack([GREY, np.full_like(GREY, 255)])),
}
STORED["palette"].putpalette([value for i in range(255, -1, -1) for value in (i, i, i)])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", STORED)
def test_stored_pictures_of_any_mode_have_their_shades(mode, channels):
    content = io.BytesIO()
    STORED[mode].save(content, "png")
    example = {"image": content.getvalue(), "label": 3}
    decoded = _decode(example, names=(), shape=(6, 5, channels), resize=False, crop=None)
    np.testing.assert_array_equal(decoded.image, np.dstack([GREY] * channels))


def test_a_stored_picture_of_another_size_is_refused():
    content = io.BytesIO()
    Image.new("L", (1, 1)).save(content, "png")
    with pytest.raises(ValueError, match="expected an image of 6 x 5, got 1 x 1"):
        _decode({"image": content.getvalue()}, names=(), shape=(6, 5, 3), resize=False, crop=None)
