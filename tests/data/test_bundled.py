import gzip
import shutil
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jaxvae.data import DataError, load
from jaxvae.data.bundled import mnist_folder, parse_idx, read_mnist

PUBLISHED = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}
FIRST_LABELS = {"train": [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], "test": [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]}


@pytest.mark.parametrize("split", ["train", "test"])
def test_mnist_is_the_published_set(split):
    mnist = load("mnist", split=split)
    assert mnist.images.shape == (sum(PUBLISHED[split]), 28, 28, 1)
    assert (mnist.images.dtype, mnist.labels.dtype) == (np.uint8, np.int32)
    np.testing.assert_array_equal(np.bincount(mnist.labels), PUBLISHED[split])
    np.testing.assert_array_equal(mnist.labels[:10], FIRST_LABELS[split])
    assert (mnist.images.min(), mnist.images.max()) == (0, 255)
    assert mnist.spec.image_shape == (28, 28, 1)
    assert mnist.spec.class_names == tuple("0123456789")


def test_published_mean_and_deviation_of_the_training_pixels():
    pixels = load("mnist", split="train").images / np.float32(255)
    np.testing.assert_allclose([pixels.mean(), pixels.std()], [0.1307, 0.3081], atol=5e-5)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    for file in mnist_folder().iterdir():
        if file.name.startswith("t10k"):
            shutil.copy(file, tmp_path)
    monkeypatch.setattr("jaxvae.data.sources.mnist_folder", lambda: tmp_path)
    return tmp_path


def _truncate(content):
    return content[:-1]


def _alter(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _recompress(content):
    return gzip.compress(gzip.decompress(content)[:-1] + b"\0")


@pytest.mark.parametrize("damage", [_truncate, _alter, _recompress, lambda _: b""])
@pytest.mark.parametrize("filename", ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_a_damaged_file_is_refused_with_one_line(copied, filename, damage):
    file = copied / filename
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=f"{filename} .* truncated or altered: expected SHA-256") as refusal:
        load("mnist", split="test")
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_named(copied):
    (copied / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz cannot be read from .* reinstall"):
        read_mnist(copied, split="test")


@given(
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5).flatmap(
        lambda shape: hnp.arrays(np.uint8, shape)
    )
)
def test_idx_round_trip(array):
    content = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    np.testing.assert_array_equal(parse_idx(content, rank=array.ndim), array)


IDX = struct.pack(">4B2I", 0, 0, 8, 2, 2, 3) + bytes(6)


@given(st.integers(0, len(IDX) - 1))
def test_idx_of_any_shorter_length_is_refused(length):
    with pytest.raises(DataError, match="Expected"):
        parse_idx(IDX[:length], rank=2)


@pytest.mark.parametrize(
    ("content", "rank"),
    [(IDX, 1), (IDX, 3), (b"\0\0\x0d\2" + IDX[4:], 2), (b"\1" + IDX[1:], 2), (IDX + b"\0", 2)],
    ids=["rank too high", "rank too low", "float values", "magic", "too long"],
)
def test_idx_of_another_kind_is_refused(content, rank):
    with pytest.raises(DataError, match="Expected"):
        parse_idx(content, rank=rank)
