"""Small data sets in TFDS's own on-disk format, written by its registered builders without TensorFlow."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from jaxvae.data import load

CLASSES = {
    "cifar10": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    "stl10": ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"],
}


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, format="png")
    return buffer.getvalue()


def face_name(split, i):
    """File name of a face, by which TFDS sorts them."""
    return f"{split}{i:03d}.jpg"


def _prepare(name, data_dir, splits):
    import tensorflow_datasets as tfds

    builder = tfds.builder(name, data_dir=data_dir)
    features = builder.info.features
    if name in CLASSES:
        features["label"].names = CLASSES[name]

    def examples(split, images, labels):
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            key = face_name(split, i) if name == "celeb_a" else i
            yield key, {"image": png(image), **known(split, i, label)}

    def known(split, i, label):
        if name == "celeb_a":
            return {
                "attributes": dict(zip(features["attributes"], label.tolist(), strict=True)),
                "landmarks": dict.fromkeys(features["landmarks"], 0),
                "identity": {"Identity_No": i},
            }
        return {"label": int(label)} | ({"id": f"{split}_{i:05d}"} if name == "cifar10" else {})

    builder._split_generators = lambda dl_manager: {
        split: examples(split, *arrays) for split, arrays in splits.items()
    }
    builder._make_download_manager = lambda **_: SimpleNamespace(downloaded_size=0)
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    builder.download_and_prepare(file_format="array_record", download_config=config)


@pytest.fixture(scope="session")
def stand_ins():
    """{name: {split: (images, labels)}}; MNIST's are its real first images, labels of CelebA's 40 attributes."""
    rng = np.random.default_rng(0)

    def noise(n, *shape):
        return rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.integers(0, 10, n)

    def faces(n):
        return noise(n, 218, 178, 3)[0], rng.integers(0, 2, (n, 40)).astype(bool)

    unlabelled = noise(9, 96, 96, 3)[0], np.full(9, -1)
    digits = {split: load("mnist", split=split, limit=n) for split, n in (("train", 60), ("test", 20))}
    return {
        "mnist": {split: (digit.images, digit.labels) for split, digit in digits.items()},
        "fashion_mnist": {"train": noise(50, 28, 28, 1), "test": noise(11, 28, 28, 1)},
        "cifar10": {"train": noise(40, 32, 32, 3), "test": noise(12, 32, 32, 3)},
        "stl10": {"train": noise(20, 96, 96, 3), "test": noise(6, 96, 96, 3), "unlabelled": unlabelled},
        "celeb_a": {"train": faces(4), "validation": faces(2), "test": faces(3)},
    }


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, stand_ins):
    """A TFDS data_dir in which all the stand-ins are prepared."""
    data_dir = tmp_path_factory.mktemp("tfds")
    for name, splits in stand_ins.items():
        _prepare(name, data_dir, splits)
    return data_dir
