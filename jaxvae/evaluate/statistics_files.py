"""Statistics of a set of images, and the files that hold them."""

import io
import os
import textwrap
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxvae.evaluate.frechet import Moments
from jaxvae.files import open_regular, write_atomically

UNKNOWN = "unknown"

_RECIPE = ("weights", "resize", "precision")
_OPTIONAL = ("n", "features", "image_size", *_RECIPE)
_ROUNDING = 1e-6
"""How far a matrix may be from a covariance, as a share of its entries and of its trace: float32's rounding."""


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
    recipe = {name: getattr(statistics, name) for name in _RECIPE}
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of NumPy about damage
            return _checked(_arrays(path))
    except OSError as error:
        raise ValueError(f"{os.fspath(path)} cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # NumPy and zipfile have no common exception for damaged files
        why = textwrap.shorten(str(error), 200) or type(error).__name__
        raise ValueError(
            f"{os.fspath(path)} holds no statistics of images ({why}); compute them again."
        ) from None


def _arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    with open_regular(path) as stream:
        file = np.load(stream, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("it is no .npz archive")
        return {name: file[name] for name in ("mu", "sigma", *_OPTIONAL) if name in file}


def _checked(arrays: Mapping[str, np.ndarray]) -> ImageStatistics:
    if missing := [name for name in ("mu", "sigma") if name not in arrays]:
        raise ValueError(f"it has no {' and no '.join(missing)}")
    mean, covariance = (_reals(name, arrays[name]).astype(np.float64) for name in ("mu", "sigma"))
    if mean.ndim != 1 or not len(mean) or covariance.shape != (len(mean), len(mean)):
        raise ValueError(f"mu is {list(mean.shape)}, sigma {list(covariance.shape)}")
    _check_covariance(covariance)
    features = _reals("features", arrays["features"]) if "features" in arrays else None
    if features is not None and (features.ndim != 2 or features.shape[1] != len(mean)):
        raise ValueError(f"features are {list(features.shape)}, mu is {list(mean.shape)}")
    n = _positive("n", arrays["n"], ()).item() if "n" in arrays else None
    if n is not None and (n < 2 or (features is not None and len(features) != n)):
        raise ValueError(
            f"n is {n}" if features is None else f"n is {n}, features are {list(features.shape)}"
        )
    size = _positive("image_size", arrays["image_size"], (2,)) if "image_size" in arrays else None
    recipe = {name: _text(name, arrays[name]) for name in _RECIPE if name in arrays}
    image_size = None if size is None else (int(size[0]), int(size[1]))
    return ImageStatistics(Moments(mean, covariance, n), features, image_size=image_size, **recipe)


def _reals(name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "fiu":
        raise ValueError(f"{name} is {values.dtype}, not real numbers")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has NaN or infinity")
    return values


def _positive(name: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if values.dtype.kind not in "iu" or values.shape != shape or (values < 1).any():
        raise ValueError(f"{name} is {values.tolist()}, not positive")
    return values


def _text(name: str, values: np.ndarray) -> str:
    if values.dtype.kind != "U" or values.ndim:
        raise ValueError(f"{name} is no text")
    return str(values)


def _check_covariance(matrix: Float[np.ndarray, "d d"]) -> None:
    scaled = matrix / (np.abs(matrix).max() or 1)
    if not np.allclose(scaled, scaled.T, rtol=0, atol=_ROUNDING):
        raise ValueError("sigma is not symmetric")
    floor = _ROUNDING * np.abs(np.trace(scaled)) + np.finfo(np.float64).tiny
    try:
        np.linalg.cholesky(scaled + floor * np.eye(len(scaled)))
    except np.linalg.LinAlgError:
        raise ValueError("sigma is no covariance, since a variance is negative") from None
