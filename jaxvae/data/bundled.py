"""The MNIST that ships with the package: the four official IDX files, gzipped, verified by SHA-256 on reading."""

import gzip
import hashlib
import math
import struct
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np
from jaxtyping import UInt8

from jaxvae.data.dataset import DataError, Dataset, from_arrays

_SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
PREFIXES = {"train": "train", "test": "t10k"}
"""How the names of a split's IDX files begin."""

_UNSIGNED_BYTE = 0x08


def mnist_folder() -> Traversable:
    """Returns the package's folder with the four official MNIST files."""
    return resources.files("jaxvae.data") / "mnist"


def read_mnist(folder: Traversable, *, split: str) -> Dataset:
    """Reads MNIST from the official files, in their order.

    Args:
        folder: folder with the gzipped files under their official names.
        split: "train" (60,000 examples) or "test" (10,000).

    Returns:
        The data set, images [n, 28, 28, 1].

    Raises:
        DataError: a file is missing, truncated or altered.

    References:
        LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE
        86(11), 1998.
    """
    prefix = PREFIXES[split]
    images = parse_idx(_official(folder, f"{prefix}-images-idx3-ubyte.gz"), rank=3)
    labels = parse_idx(_official(folder, f"{prefix}-labels-idx1-ubyte.gz"), rank=1)
    return from_arrays(images[..., None], labels, name="mnist", class_names=tuple("0123456789"))


def parse_idx(content: bytes, *, rank: int) -> UInt8[np.ndarray, "..."]:
    """Parses an IDX file of unsigned bytes: two zero bytes, type, rank, big-endian sizes, values in C order.

    Args:
        content: the uncompressed file.
        rank: number of axes expected, in [1, 255].

    Returns:
        Array of `rank` axes, read-only because it shares memory with `content`.

    Raises:
        DataError: the magic number or the length is wrong.

    References:
        LeCun, Cortes and Burges, The MNIST database of handwritten digits, "File formats".
    """
    magic = bytes((0, 0, _UNSIGNED_BYTE, rank))
    start = 4 + 4 * rank
    if content[:4] != magic or len(content) < start:
        raise DataError(
            f"Expected an IDX file of unsigned bytes with {rank} axes, beginning 0x{magic.hex()}, "
            f"got {len(content)} bytes beginning 0x{content[:4].hex()}."
        )
    shape = struct.unpack(f">{rank}I", content[4:start])
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise DataError(f"Expected {expected} bytes in an IDX file of shape {shape}, got {len(content)}.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _official(folder: Traversable, filename: str) -> bytes:
    try:
        compressed = (folder / filename).read_bytes()
    except OSError as error:
        raise DataError(f"MNIST file {filename} cannot be read from {folder}; reinstall jaxvae.") from error
    digest = hashlib.sha256(compressed).hexdigest()
    if digest != _SHA256[filename]:
        raise DataError(
            f"MNIST file {filename} in {folder} is truncated or altered: expected SHA-256 "
            f"{_SHA256[filename][:12]}..., got {digest[:12]}... ({len(compressed)} bytes); reinstall jaxvae."
        )
    return gzip.decompress(compressed)
