"""Reads tensors from PyTorch's files, without PyTorch and without executing code that a pickle may contain.

Three formats are supported: TorchScript archives, `torch.save` archives, and that of `torch.save` before version 1.6.
"""

import math
import os
import pickle
import struct
import textwrap
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

import numpy as np
from jaxtyping import Shaped

from jaxvae.files import open_regular

_STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
_MAGIC = 0x1950A86A20F9469CFC6C

Content: TypeAlias = Callable[[str], bytes]
"""Maps the key of a storage to its raw bytes."""


class _Node:
    """A module of a TorchScript archive, reduced to its attributes in their order."""


@dataclass
class _Storage:
    dtype: str
    key: str


@dataclass
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, content: Content) -> np.ndarray:
        values = np.frombuffer(content(self.storage.key), self.storage.dtype)
        ends = [(n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)]
        beyond = self.offset + sum(ends) >= len(values) or math.prod(self.shape) > len(values)
        if min((self.offset, *self.shape, *self.strides)) < 0 or beyond:
            raise ValueError("a tensor reaches beyond its storage")
        steps = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps).copy()


class _TensorsOnly(pickle._Unpickler):
    """Builds tensors and their containers; any other name in the pickle is an error.

    For a damaged pickle the one in C may take more memory than there is.
    """

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "__torch__":
            return _Node
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        allowed = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, strides, *_: _Tensor(
                storage, offset, shape, strides
            ),
            ("torch.jit._pickle", "build_intlist"): list,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no tensor")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, *_ = pid
        if kind != "storage" or dtype not in _STORAGES.values():
            raise pickle.UnpicklingError("it refers to something that is no tensor")
        return _Storage(dtype, str(key))


def read_tensors(path: str | os.PathLike[str]) -> list[tuple[str, Shaped[np.ndarray, "..."]]]:
    """Reads all tensors of a file that PyTorch wrote.

    Args:
        path: a TorchScript archive or a saved state dictionary.

    Returns:
        Names, joined by dots, and float32 or int64 arrays, in the order of the file.

    Raises:
        ValueError: the file cannot be read, is damaged, or holds anything but tensors.
    """
    try:
        with open_regular(path) as file:
            if not zipfile.is_zipfile(file):
                file.seek(0)
                return _legacy(file)
            with zipfile.ZipFile(file) as archive:
                return _archived(archive)
    except OSError as error:
        raise ValueError(f"{os.fspath(path)} cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # pickle and zipfile have no common exception for damaged files
        why = textwrap.shorten(str(error), 200) or type(error).__name__
        raise ValueError(
            f"{os.fspath(path)} is no whole file of PyTorch tensors ({why}); fetch it again."
        ) from None


def _archived(archive: zipfile.ZipFile) -> list[tuple[str, np.ndarray]]:
    (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    folder = pickled.removesuffix("data.pkl")
    with archive.open(_stored(archive, pickled)) as file:
        tree = _TensorsOnly(file).load()
    return list(_walk(tree, "", lambda key: archive.read(_stored(archive, f"{folder}data/{key}"))))


def _stored(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """A member that is as large as the file says; PyTorch compresses none but the code of a network."""
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError("it is compressed")
    return member


def _legacy(file: IO[bytes]) -> list[tuple[str, np.ndarray]]:
    magic, _, _, tree, keys = (_TensorsOnly(file).load() for _ in range(5))
    if magic != _MAGIC:
        raise ValueError("it does not begin as one")
    sizes = {tensor.storage.key: np.dtype(tensor.storage.dtype).itemsize for tensor in _tensors(tree)}
    contents = {}
    for key in keys:
        (count,) = struct.unpack("<Q", file.read(8))
        contents[key] = file.read(count * sizes[key])
    return list(_walk(tree, "", contents.__getitem__))


def _items(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, _Node):
        yield from vars(node).items()
    elif isinstance(node, dict):
        yield from node.items()


def _tensors(node: Any) -> Iterator[_Tensor]:
    for _, value in _items(node):
        if isinstance(value, _Tensor):
            yield value
        else:
            yield from _tensors(value)


def _walk(node: Any, prefix: str, content: Content) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in _items(node):
        if isinstance(value, _Tensor):
            yield f"{prefix}{name}", value.read(content)
        else:
            yield from _walk(value, f"{prefix}{name}.", content)
