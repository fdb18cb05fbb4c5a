"""Images changed in ways that differ to the eye, each as far as a given mean squared error asks.

Images are float32 [n, height, width, channels] in [0, 1], and so are changed ones.
"""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float
from PIL import Image

Pictures = Float[np.ndarray, "n h w c"]
Change = Callable[[Pictures, float], Pictures]
"""`(images, strength) -> images`; nothing changes at strength 0."""

_BLOCK = 8
"""Side of JPEG's blocks."""


def shifted(images: Pictures, pixels: int) -> Pictures:
    """Images moved to the right; the column at the left edge is repeated.

    Args:
        images: what to move.
        pixels: how far, at least 0.

    Returns:
        Images of the same shape.
    """
    width = images.shape[2]
    return images[:, :, np.maximum(np.arange(width) - pixels, 0)]


def equalized(images: Pictures, target: Float[np.ndarray, " n"], change: str) -> Pictures:
    """Changes each image as far as its mean squared error asks.

    Of growing strengths the first is taken that reaches the error. What it changes is then scaled down to the error
    exactly; a rotation is left as it is, since a scaled one would be two images, one over the other.

    Args:
        images: what to change.
        target: mean squared error of each changed image to its own.
        change: one of `CHANGES`.

    Returns:
        Images of the same shape. One that no strength changes that much is changed as far as it can be.
    """
    strengths, apply = CHANGES[change]
    result, missing = images.copy(), np.ones(len(images), bool)
    for strength in strengths:
        if not missing.any():
            break
        some = apply(images[missing], float(strength))
        errors = _errors(some, images[missing])
        enough = (errors >= target[missing]) | (strength == strengths[-1])
        places = np.flatnonzero(missing)[enough]
        result[places], missing[places] = some[enough], False
    if change == "rotation":
        return result
    scale = np.sqrt(np.minimum(target / np.maximum(_errors(result, images), 1e-12), 1))
    return images + scale[:, None, None, None].astype(np.float32) * (result - images)


def _errors(a: Pictures, b: Pictures) -> Float[np.ndarray, " n"]:
    return np.square(a - b, dtype=np.float64).mean(axis=(1, 2, 3))


def _brighter(images: Pictures, strength: float) -> Pictures:
    return np.clip(images + np.float32(strength), 0, 1)


def _paler(images: Pictures, strength: float) -> Pictures:
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return images + np.float32(strength) * (mean - images)


def _noisy(images: Pictures, strength: float) -> Pictures:
    noise = np.random.default_rng(0).normal(size=images.shape)
    return np.clip(images + strength * noise, 0, 1).astype(np.float32)


def _blurred(images: Pictures, strength: float) -> Pictures:
    """A Gaussian blur; strength is its standard deviation in pixels."""
    rows, columns = (_gaussian(side, strength) for side in images.shape[1:3])
    return np.einsum("ij,njkc,lk->nilc", rows, images, columns, optimize=True).astype(np.float32)


def _gaussian(side: int, deviation: float) -> Float[np.ndarray, "{side} {side}"]:
    place = np.arange(side)
    weights = np.exp(-0.5 * np.square((place[:, None] - place) / max(deviation, 1e-6)))
    return weights / weights.sum(axis=1, keepdims=True)


def _blocky(images: Pictures, strength: float) -> Pictures:
    """JPEG's blocks of 8 x 8 with their cosine coefficients rounded to multiples of the strength."""
    height, width = images.shape[1:3]
    more = [(0, 0), (0, -height % _BLOCK), (0, -width % _BLOCK), (0, 0)]
    padded = np.pad(images, more, mode="edge")
    n, rows, columns, channels = padded.shape
    blocks = padded.reshape(n, rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK, channels)
    waves = _cosines()
    coefficients = np.einsum("ui,nyixjc,vj->nyuxvc", waves, blocks, waves, optimize=True)
    rounded = np.round(coefficients / max(strength, 1e-6)) * max(strength, 1e-6)
    back = np.einsum("ui,nyuxvc,vj->nyixjc", waves, rounded, waves, optimize=True)
    return np.clip(back.reshape(padded.shape)[:, :height, :width], 0, 1).astype(np.float32)


def _cosines() -> Float[np.ndarray, "8 8"]:
    """The orthonormal discrete cosine transform."""
    frequency, place = np.arange(_BLOCK)[:, None], np.arange(_BLOCK)[None]
    waves = np.cos(np.pi * frequency * (2 * place + 1) / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    waves[0] /= np.sqrt(2)
    return waves


def _rotated(images: Pictures, strength: float) -> Pictures:
    """Images turned by `strength` degrees; beyond their edges, pixels at the edge are repeated."""
    height, width = images.shape[1:3]
    top, left = height // 2, width // 2
    padded = np.pad(images, [(0, 0), (top, top), (left, left), (0, 0)], mode="edge")
    turned = np.empty_like(images)
    for number, channel in np.ndindex(len(images), images.shape[-1]):
        plane = Image.fromarray(padded[number, :, :, channel]).rotate(strength, Image.Resampling.BILINEAR)
        turned[number, :, :, channel] = np.asarray(plane)[top : top + height, left : left + width]
    return np.clip(turned, 0, 1)


CHANGES: Mapping[str, tuple[Float[np.ndarray, " _"], Change]] = {
    "brighter": (np.linspace(0.02, 1, 50), _brighter),
    "less contrast": (np.linspace(0.02, 1, 50), _paler),
    "noise": (np.geomspace(0.01, 3, 50), _noisy),
    "blur": (np.geomspace(0.3, 30, 50), _blurred),
    "blocks of JPEG": (np.geomspace(0.02, 16, 50), _blocky),
    "rotation": (np.geomspace(0.1, 90, 80), _rotated),
}
"""Growing strengths of each change, and the change."""
