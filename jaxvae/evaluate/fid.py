"""FID, KID, density and coverage between two sets of images, with a record of how they were computed."""

import warnings
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Array, Float, UInt8

from jaxvae.evaluate.frechet import frechet_distance
from jaxvae.evaluate.image_statistics import check_set, image_statistics
from jaxvae.evaluate.inception_features import Images, Precision
from jaxvae.evaluate.inception_weights import Inception, load_inception
from jaxvae.evaluate.kid import density_coverage, kid
from jaxvae.evaluate.statistics_files import UNKNOWN, ImageStatistics

_OtherImages: TypeAlias = Float[Array | np.ndarray, "m _ _ _"] | UInt8[Array | np.ndarray, "m _ _ _"]


@dataclass(frozen=True)
class FidResult:
    """Distances between two sets of images, comparable only if weights, resize and numbers of images are the same.

    Attributes:
        fid: Fréchet Inception distance.
        kid: kernel Inception distance; None if the features of a set are unknown, or fewer than three.
        kid_error: its standard error, or None.
        density: see `jaxvae.evaluate.Fidelity`; the second set holds the real images. None if the features of a set
            are unknown, or there are at most 5 real images.
        coverage: the same.
        n: number of images in either set; None if unknown.
        weights: name of the Inception weights.
        resize: method by which images were resized to 299 x 299.
        precision: what the network's operands were rounded to.
    """

    fid: float
    kid: float | None
    kid_error: float | None
    density: float | None
    coverage: float | None
    n: tuple[int | None, int | None]
    weights: str
    resize: str
    precision: str


def fid(
    a: Images | ImageStatistics,
    b: _OtherImages | ImageStatistics,
    *,
    inception: Inception | None = None,
    resize: str = "bilinear",
    precision: Precision = "float32",
    batch_size: int | None = None,
    progress: bool = True,
) -> FidResult:
    """Compares two sets of images.

    Images are scaled to (x - 128) / 128 for x in [0, 255], as the network's authors do. Statistics in place of images
    keep the resize and precision that they were computed with.

    Args:
        a: images, uint8 in [0, 255] or float in [0, 1], [n, height, width, channels] with one channel or three; or
            their statistics.
        b: the set to compare with: the real images, if one set is real.
        inception: the network's weights; None calls `load_inception`.
        resize: "bilinear" (without antialiasing, as pytorch-fid) or "clean" (antialiased bicubic, as clean-fid).
        precision: see `inception_features`.
        batch_size: see `inception_features`.
        progress: whether to show a progress bar.

    Returns:
        The distances and how they were computed.

    Raises:
        ValueError: fewer than two images, images out of range, sets of different image sizes, statistics that were
            computed differently, or no weights.

    References:
        Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash equilibrium, NeurIPS
        2017; for KID, density and coverage see `kid` and `density_coverage`.
    """
    inception = check_comparable(a, b, inception=inception, resize=resize, precision=precision)

    def statistics(images: _OtherImages | ImageStatistics) -> ImageStatistics:
        if isinstance(images, ImageStatistics):
            return images
        return image_statistics(
            images,
            inception=inception,
            resize=resize,
            precision=precision,
            batch_size=batch_size,
            progress=progress,
        )

    return compare(statistics(a), statistics(b))


def check_comparable(
    a: Images | ImageStatistics,
    b: _OtherImages | ImageStatistics,
    *,
    inception: Inception | None = None,
    resize: str = "bilinear",
    precision: Precision = "float32",
) -> Inception | None:
    """Checks that `fid` can compare two sets, without computing anything.

    Args:
        a: images or their statistics.
        b: the set to compare with.
        inception: the network's weights; None calls `load_inception` if a set is images.
        resize: method by which images will be resized.
        precision: what the network's operands will be rounded to.

    Returns:
        The weights to use for images; None if both sets are statistics.

    Raises:
        ValueError: fewer than two images, images out of range, sets of different image sizes, statistics that were
            computed differently, or no weights.
    """
    _check_sizes(*(x.image_size if isinstance(x, ImageStatistics) else tuple(x.shape[1:3]) for x in (a, b)))
    statistics = [x for x in (a, b) if isinstance(x, ImageStatistics)]
    for images in (x for x in (a, b) if not isinstance(x, ImageStatistics)):
        check_set(images)
    if len(statistics) == 2:
        return None
    inception = inception or load_inception()
    settings = {"weights": inception.name, "resize": resize, "precision": precision}
    for name, value in settings.items():
        _common(name, value, *(getattr(computed, name) for computed in statistics))
    return inception


def compare(a: ImageStatistics, b: ImageStatistics) -> FidResult:
    """Compares two sets of images by their statistics.

    Args:
        a: statistics of one set.
        b: statistics of the other: the real images, if one set is real.

    Returns:
        The distances and how they were computed.

    Raises:
        ValueError: the statistics were computed with different weights, resizes or precisions, or from images of
            different sizes.
    """
    _check_sizes(a.image_size, b.image_size)
    recipe: dict[str, Any] = {
        name: _common(name, getattr(a, name), getattr(b, name)) for name in ("weights", "resize", "precision")
    }
    numbers: dict[str, Any] = dict.fromkeys(("kid", "kid_error", "density", "coverage"))
    if a.features is not None and b.features is not None:
        if min(len(a.features), len(b.features)) >= 3:
            numbers["kid"], numbers["kid_error"] = kid(a.features, b.features)
        if len(b.features) > 5:
            numbers["density"], numbers["coverage"] = density_coverage(b.features, a.features)
    if unknown := [name for name, value in recipe.items() if value == UNKNOWN]:
        warnings.warn(
            f"it is not known with which {', '.join(unknown)} a set of statistics was computed; the distance means "
            "something only if it was the same for both sets.",
            stacklevel=2,
        )
    distance = frechet_distance(a.moments, b.moments)
    return FidResult(fid=distance, **numbers, n=(a.moments.n, b.moments.n), **recipe)


def _check_sizes(a: tuple[int, int] | None, b: tuple[int, int] | None) -> None:
    if a and b and a != b:
        raise ValueError(
            f"both sets must have images of one height and width, got {a[0]} x {a[1]} and {b[0]} x {b[1]}; "
            "resize one of them first."
        )


def _common(name: str, *values: str) -> str:
    distinct = sorted({*values} - {UNKNOWN})
    if len(distinct) > 1:
        raise ValueError(
            f"both sets must be computed with the same {name}, got {distinct[0]} and {distinct[1]}."
        )
    return UNKNOWN if UNKNOWN in values else distinct[0]
