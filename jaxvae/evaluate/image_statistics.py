"""Statistics of a set of images for FID and KID, which can be saved and reused."""

import contextlib
import hashlib
import io
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxvae.evaluate.frechet import Moments, moments
from jaxvae.evaluate.inception_features import Images, Precision, check_images, inception_features
from jaxvae.evaluate.inception_weights import Inception, load_inception
from jaxvae.files import cache_directory, write_atomically

UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class ImageStatistics:
    """Moments and features of a set of images.

    Attributes:
        moments: mean and covariance of the features.
        features: [n, 2048]; None if they were not saved, in which case there is no KID.
        weights: name of the Inception weights, or "unknown".
        resize: method by which images were resized to 299 x 299, or "unknown".
        precision: what the network's operands were rounded to, or "unknown".
        image_size: height and width of the images before resizing; None if unknown.
    """

    moments: Moments
    features: Float[np.ndarray, "n d"] | None
    weights: str = UNKNOWN
    resize: str = UNKNOWN
    precision: str = UNKNOWN
    image_size: tuple[int, int] | None = None


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
    if cache and cached.exists():
        with contextlib.suppress(ValueError):  # a damaged file is written again
            return load_statistics(cached)
    features = inception_features(
        inception, images, resize=resize, precision=precision, batch_size=batch_size, progress=progress
    )
    size = (images.shape[1], images.shape[2])
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


def save_statistics(path: str | os.PathLike[str], statistics: ImageStatistics) -> None:
    """Writes statistics to an .npz file, with `mu` and `sigma` as in pytorch-fid; no partial file is left.

    Args:
        path: of the file, ending in .npz.
        statistics: what to write.

    Raises:
        ValueError: the path does not end in .npz.
    """
    target = Path(path)
    if target.suffix != ".npz":
        raise ValueError(f"statistics are written to a file ending in .npz, got {target}.")
    arrays: dict[str, Any] = {"mu": statistics.moments.mean, "sigma": statistics.moments.covariance}
    optional = {
        "n": statistics.moments.n,
        "features": statistics.features,
        "image_size": statistics.image_size,
    }
    arrays |= {name: value for name, value in optional.items() if value is not None}
    recipe = {name: getattr(statistics, name) for name in ("weights", "resize", "precision")}
    content = io.BytesIO()
    np.savez(content, **arrays, **recipe)
    write_atomically(target, content.getvalue())


def load_statistics(path: str | os.PathLike[str]) -> ImageStatistics:
    """Reads statistics.

    Args:
        path: a file that `save_statistics` or pytorch-fid wrote.

    Returns:
        The statistics; files of pytorch-fid do not say how they were computed.

    Raises:
        ValueError: the file is missing, damaged, or holds no statistics.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        mean, covariance = np.float64(arrays["mu"]), np.float64(arrays["sigma"])
        if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
            raise ValueError(f"mu is {list(mean.shape)}, sigma {list(covariance.shape)}")
        features = arrays.get("features")
        if features is not None and (features.ndim != 2 or features.shape[1] != len(mean)):
            raise ValueError(f"features are {list(features.shape)}, mu is {list(mean.shape)}")
        size = tuple(arrays["image_size"].tolist()) if "image_size" in arrays else None
        n = int(arrays["n"]) if "n" in arrays else None
    except OSError as error:
        raise ValueError(f"{os.fspath(path)} cannot be read: {error.strerror or error}.") from None
    except (KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        why = " ".join(str(error).split())
        raise ValueError(
            f"{os.fspath(path)} holds no statistics of images ({why}); compute them again."
        ) from None
    recipe = {name: str(arrays[name]) for name in ("weights", "resize", "precision") if name in arrays}
    return ImageStatistics(Moments(mean, covariance, n), features, image_size=size, **recipe)


def _cache_file(images: Images, *settings: str) -> Path:
    """File in the cache, named by a digest of pixels and settings."""
    pixels = np.ascontiguousarray(images)
    total = hashlib.sha256(repr((pixels.shape, str(pixels.dtype), settings)).encode())
    total.update(pixels.data)
    return cache_directory() / "statistics" / f"{total.hexdigest()[:32]}.npz"
