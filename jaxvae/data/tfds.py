"""Data sets of TensorFlow Datasets, read without TensorFlow from what TFDS has prepared as array_record.

TFDS stores examples in an order of its own (a hash of their number), so MNIST read here has the images and
labels of the bundled files in another order, and another fingerprint.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from jaxvae.data.dataset import DataError, Dataset, from_arrays
from jaxvae.data.prepare import prepare

_SLICE = 2_000


def read_tfds(
    name: str, *, split: str, data_dir: str | os.PathLike[str] | None = None, limit: int | None = None
) -> Dataset:
    """Reads a data set that TFDS has prepared, or lets TFDS prepare it first where that can succeed.

    Args:
        name: a TFDS name of a set of equally sized images with "image" and "label".
        split: a split of it, "train" or "test".
        data_dir: TFDS's folder; None for TFDS's default, ~/tensorflow_datasets.
        limit: read only the first `limit` examples, or all if there are fewer; at least 1.

    Returns:
        The data set in TFDS's stored order.

    Raises:
        DataError: the data is not prepared and cannot be, or is stored in another format, or is damaged.
    """
    # Slow, and needed by nobody who reads the bundled files.
    import tensorflow_datasets as tfds

    with _quiet():
        builder = tfds.builder(name, data_dir=data_dir)
        if not builder.is_prepared():
            prepare(builder)
        try:
            images, labels = _read(builder, split, limit)
        except NotImplementedError as error:
            raise DataError(
                f"{name} in {builder.data_path} is stored as {builder.info.file_format.value}, expected "
                "array_record; give another data_dir, or delete it and prepare it again as array_record."
            ) from error
        except Exception as error:
            reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
            raise DataError(
                f"{name} in {builder.data_path} cannot be read ({reason}); delete it and prepare it again."
            ) from error
    return from_arrays(images, labels, name=name, class_names=tuple(builder.info.features["label"].names))


def _read(builder: Any, split: str, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    source = builder.as_data_source(split)
    count = len(source) if limit is None else min(limit, len(source))
    images = np.empty((count, *builder.info.features["image"].shape), np.uint8)
    labels = np.empty(count, np.int32)
    title = f"Reading {builder.name} {split}"
    with tqdm(total=count, desc=title, unit=" images", disable=None, leave=False) as progress:
        for start in range(0, count, _SLICE):
            examples = source.__getitems__(range(start, min(start + _SLICE, count)))
            for i, example in enumerate(examples, start):
                images[i] = example["image"]
                labels[i] = example["label"]
            progress.update(len(examples))
    return images, labels


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences advice about OpenCV and missing folders, which TFDS logs through absl."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
