"""Computes statistics of a set of images for FID and KID, which can be saved and reused."""

import contextlib
import hashlib
from pathlib import Path

import numpy as np

from jaxvae.evaluate.frechet import moments
from jaxvae.evaluate.inception_features import Images, Precision, check_images, inception_features
from jaxvae.evaluate.inception_weights import Inception, load_inception
from jaxvae.evaluate.statistics_files import ImageStatistics, load_statistics, save_statistics
from jaxvae.files import cache_directory


def image_statistics(
    images: Images,
    *,
    inception: Inception | None = None,
    resize: str = "bilinear",
    precision: Precision = "float32",
    batch_size: int | None = None,
    progress: bool = True,
    cache: bool = False,
) -> ImageStatistics:
    """Computes statistics of a set of images.

    Args:
        images: n >= 2 images, uint8 in [0, 255] or float in [0, 1], with one channel or three.
        inception: the network's weights; None calls `load_inception`.
        resize: "bilinear" or "clean", see `jaxvae.evaluate.RESIZES`.
        precision: see `inception_features`.
        batch_size: see `inception_features`.
        progress: whether to show a progress bar.
        cache: whether to store the statistics in the user's cache directory (8 kB per image), and to read them from
            there for the same images in the same order with the same settings.

    Returns:
        The statistics.

    Raises:
        ValueError: fewer than two images, images out of range, or no weights.
    """
    check_set(images)
    inception = inception or load_inception()
    cached = _cache_file(images, inception.name, resize, precision)
    size = (images.shape[1], images.shape[2])
    wanted = len(images), inception.name, resize, precision, size
    if cache:
        with contextlib.suppress(ValueError):  # a damaged file is written again
            found = load_statistics(cached)
            if found.features is not None and wanted == _recipe(found):
                return found
    features = inception_features(
        inception, images, resize=resize, precision=precision, batch_size=batch_size, progress=progress
    )
    statistics = ImageStatistics(moments(features), features, inception.name, resize, precision, size)
    if cache:
        with contextlib.suppress(OSError):  # it works without a cache that cannot be written
            cached.parent.mkdir(parents=True, exist_ok=True)
            save_statistics(cached, statistics)
    return statistics


def check_set(images: Images) -> None:
    """Checks that statistics of a set of images can be computed.

    Args:
        images: [n, height, width, channels].

    Raises:
        ValueError: fewer than two images, images out of range, or a number of channels other than 1 and 3.
    """
    check_images(images)
    if len(images) < 2:
        raise ValueError(f"FID needs at least 2 images in a set, got {len(images)}.")


def _recipe(found: ImageStatistics) -> tuple[object, ...]:
    return found.moments.n, found.weights, found.resize, found.precision, found.image_size


def _cache_file(images: Images, *settings: str) -> Path:
    """File in the cache, named by a digest of pixels and settings."""
    pixels = np.ascontiguousarray(images)
    total = hashlib.sha256(repr((pixels.shape, str(pixels.dtype), settings)).encode())
    total.update(pixels.data)
    return cache_directory() / "statistics" / f"{total.hexdigest()[:32]}.npz"
