"""Data sets of TensorFlow Datasets, read without TensorFlow from files that TFDS has prepared as array_record.

What TFDS has not prepared is read from the official archives, in the same order; see `official` and `celeba`.

TFDS stores examples in its own order (a hash of their number), so MNIST read here has the images and labels of the
bundled files in a different order, and a different fingerprint.
"""

import contextlib
import io
import logging
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxvae.data.archives import places
from jaxvae.data.cache import digest, stamp
from jaxvae.data.celeba import find_celeb_a
from jaxvae.data.dataset import Attributes, DataError, Dataset, from_arrays
from jaxvae.data.decoded import Example, Kind, keep
from jaxvae.data.official import OFFICIAL, read_official
from jaxvae.data.pictures import as_stored, reason, square
from jaxvae.data.prepare import prepare
from jaxvae.data.threads import in_parallel

_SLICE = 2_000
_CROPS = {"celeb_a": 148}  # the crop of VAE-GAN and most later work


def read_tfds(
    name: str,
    *,
    split: str,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    image_size: int | None = None,
) -> Dataset:
    """Reads a data set that TFDS has prepared, or else its official archives, or has TFDS prepare it.

    Args:
        name: TFDS's name of a set with a feature "image", and optionally "label" or "attributes".
        split: one or several of its splits, such as "train" or "train+unlabelled".
        data_dir: TFDS's folder; None for its default, ~/tensorflow_datasets.
        limit: read at least the first `limit` examples, or all if there are fewer; at least 1.
        image_size: side of the central squares after resizing; a whole split is then cached and memory-mapped. None
            takes images as they are, which must have equal sizes.

    Returns:
        The data set in TFDS's stored order.

    Raises:
        DataError: the data is neither prepared nor can be had, is stored in another format, or is damaged.
    """
    # A slow import that the bundled files do not need.
    import tensorflow_datasets as tfds

    with _quiet():
        builder = tfds.builder(name, data_dir=data_dir)
        # TFDS's own is_prepared takes the path for a pattern, and finds nothing below a folder such as [2024].
        if not (builder.data_path / "dataset_info.json").exists():
            if builder.data_path.exists():
                raise DataError(
                    f"{builder.data_path} holds unfinished data of TFDS; delete it and run again."
                )
            if name in OFFICIAL:
                with _readable(name, places(builder)[0], "remove its archives there and run again"):
                    return read_official(builder, split, limit=limit, image_size=image_size)
            faces = find_celeb_a(builder, split) if name == "celeb_a" else None
            if faces is not None:
                with _readable(name, faces.folder, "replace it"):
                    return _read(builder, faces, faces.identity, split, limit, image_size)
            prepare(builder)
        with _readable(name, builder.data_path, "delete it and prepare it again"):
            try:
                source = builder.as_data_source(split, decoders={"image": tfds.decode.SkipDecoding()})
            except NotImplementedError as error:
                raise DataError(
                    f"{name} in {builder.data_path} is stored as {builder.info.file_format.value}, expected "
                    "array_record; give another data_dir, or delete it and prepare it again as array_record."
                ) from error
            return _read(builder, source, _content(builder), split, limit, image_size)


@contextlib.contextmanager
def _readable(name: str, place: os.PathLike[str], way: str) -> Iterator[None]:
    try:
        yield
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise DataError(f"{name} in {place} cannot be read ({reason(error)}); {way}.") from error


def _read(
    builder: Any, source: Any, identity: Any, split: str, limit: int | None, image_size: int | None
) -> Dataset:
    """Decodes a split's examples, which `source` gives by their numbers; `identity` tells them from others."""
    features = builder.info.features
    kind = Kind(
        builder.name,
        tuple(features["label"].names) if "label" in features else (),
        tuple(features["attributes"]) if "attributes" in features else (),
    )
    count = len(source) if limit is None else min(limit, len(source))
    shape = features["image"].shape if image_size is None else (image_size, image_size, 3)
    crop = _CROPS.get(builder.name)
    decode = partial(
        _decode, names=kind.attribute_names, shape=shape, resize=image_size is not None, crop=crop
    )
    title = f"Reading {builder.name} {split}"
    examples = in_parallel(decode, _encoded(source, count), total=count, title=title)
    if image_size is not None and count == len(source):
        return keep(digest(identity, split, image_size), examples, kind)[0]
    images = np.empty((count, *shape), np.uint8)
    labels = np.empty(count, np.int32)
    values = np.empty((count, len(kind.attribute_names)), bool)
    for i, example in enumerate(examples):
        images[i], labels[i], values[i] = example.image, example.label, example.attributes
    attributes = Attributes(kind.attribute_names, values) if kind.attribute_names else None
    return from_arrays(images, labels, name=kind.name, class_names=kind.class_names, attributes=attributes)


def _encoded(source: Any, count: int) -> Iterator[Mapping[str, Any]]:
    for start in range(0, count, _SLICE):
        yield from source.__getitems__(range(start, min(start + _SLICE, count)))


def _decode(
    example: Mapping[str, Any],
    *,
    names: tuple[str, ...],
    shape: tuple[int, int, int],
    resize: bool,
    crop: int | None,
) -> Example:
    with Image.open(io.BytesIO(example["image"])) as picture:
        image = square(picture, shape[0], crop=crop) if resize else as_stored(picture, channels=shape[-1])
    if image.shape != shape:
        raise ValueError(
            f"expected an image of {shape[0]} x {shape[1]}, got {image.shape[0]} x {image.shape[1]}"
        )
    values = np.array([bool(example["attributes"][name]) for name in names], bool)
    return Example(image, int(example.get("label", -1)), values)


def _content(builder: Any) -> list[tuple]:
    """Identity of a prepared set without reading it; TFDS has verified the archives that it was made from."""
    files = sorted(file for file in Path(builder.data_path).iterdir() if file.is_file())
    stamps = [(file.name, *stamp(file)) for file in files]
    return [(builder.info.full_name, str(builder.data_path)), *stamps]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences TFDS's messages about OpenCV and missing folders, which it logs through absl."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
