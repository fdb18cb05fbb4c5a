"""Sets of pictures, decoded once and cached as raw bytes that later runs map into memory.

Images are uint8 in [0, 255]. A cached set is a folder, which appears under its key only when it is complete:

    images.bin          [n, height, width, channels] in C order
    labels.npy          [n], int32
    attributes.npy      [n, k], bool
    set.json            shape, fingerprint, and the pictures left out
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Bool, UInt8
from tqdm import tqdm

from jaxvae.data.dataset import Attributes, DataError, Dataset, Spec, from_arrays
from jaxvae.files import cache_directory, write_atomically

_FORMAT = 2  # version of the folder's layout and of the decoding


@dataclass(frozen=True, eq=False)
class Example:
    """One decoded picture.

    Attributes:
        image: [height, width, channels].
        label: class number; -1 if it has none.
        attributes: [k], whether it has each attribute; k is 0 for a set without attributes.
    """

    image: UInt8[np.ndarray, "h w c"]
    label: int
    attributes: Bool[np.ndarray, " k"]


@dataclass(frozen=True)
class Kind:
    """Names of a set, known before any picture is decoded.

    Attributes:
        name: name of the set in reports.
        class_names: name of class 0, 1, ...
        attribute_names: name of attribute 0, 1, ...
    """

    name: str
    class_names: tuple[str, ...] = ()
    attribute_names: tuple[str, ...] = ()


def digest(*parts: Any) -> str:
    """Digest of the values' `repr`.

    Args:
        *parts: strings, numbers, and tuples and lists of them.

    Returns:
        32 hexadecimal digits, a file name that depends on the values alone.
    """
    return hashlib.sha256(repr((_FORMAT, *parts)).encode()).hexdigest()[:32]


def recall(key: str, find: Callable[[], str]) -> str:
    """Caches a short text that takes long to compute, once per key.

    Args:
        key: digest of everything that the text depends on.
        find: computes the text.

    Returns:
        The text.

    Raises:
        DataError: the cache cannot be written to.
    """
    note = _pictures() / f"{key}.txt"
    with contextlib.suppress(OSError):
        return note.read_text()
    text = find()
    with _writing():
        write_atomically(note, text.encode())
    return text


def keep(key: str, examples: Iterable[Example | str], kind: Kind) -> tuple[Dataset, list[str]]:
    """Reads a set from the cache, or first decodes it into the cache.

    Args:
        key: digest of everything that the set depends on.
        examples: examples of one shape, and for each picture left out a text that says why; not consumed if the set is
            cached already.
        kind: names of the set, its classes and attributes.

    Returns:
        The data set, with images mapped from the file, and the texts about pictures left out.

    Raises:
        DataError: there are no examples, or the cache cannot be written to.
    """
    folder = _pictures() / key
    # An incomplete set, such as a folder that lost a file, is made again.
    with contextlib.suppress(OSError, ValueError, KeyError):
        return _read(folder, kind)
    # Machines may share a home directory, and each knows only its own processes.
    partial = folder.with_name(f".{key}.{platform.node()}.{os.getpid()}.partial")
    _remove_abandoned()
    try:
        with _writing():
            partial.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
        _write(partial, examples, kind)
        _publish(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return _read(folder, kind)


def _remove_abandoned() -> None:
    """Removes unfinished sets of killed processes of this machine."""
    for partial in _pictures().glob(".*.partial"):
        _, _, *machine, process, _ = partial.name.split(".")
        if ".".join(machine) == platform.node() and not _runs(int(process)):
            shutil.rmtree(partial, ignore_errors=True)


def _runs(process: int) -> bool:
    if os.name == "nt":  # there signal 0 is CTRL_C_EVENT, not a probe
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the process of another user
        return True
    return True


def _write(folder: Path, examples: Iterable[Example | str], kind: Kind) -> None:
    labels: list[int] = []
    attributes: list[np.ndarray] = []
    left_out: list[str] = []
    shape: tuple[int, ...] = ()
    with _created(folder / "images.bin") as file:
        for example in examples:
            if isinstance(example, str):
                left_out.append(example)
                continue
            with _writing():
                file.write(example.image.tobytes())
            labels.append(example.label)
            attributes.append(example.attributes)
            shape = example.image.shape
    if not labels:
        raise DataError(f"{kind.name} has no picture that can be read: {_few(left_out)}.")
    with _writing():
        np.save(folder / "labels.npy", np.array(labels, np.int32))
        np.save(folder / "attributes.npy", np.stack(attributes))
        images, numbers, values = _arrays(folder, kind, (len(labels), *shape))
        spec = from_arrays(
            images, numbers, name=kind.name, class_names=kind.class_names, attributes=values
        ).spec
        record = {"shape": images.shape, "fingerprint": spec.fingerprint, "left_out": left_out}
        (folder / "set.json").write_text(json.dumps(record))


@contextlib.contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    """A new file; errors of its closing are write errors too, errors of the examples pass through."""
    with _writing():
        file = path.open("wb")
    try:
        yield file
    finally:
        with _writing():
            file.close()


def _publish(partial: Path, folder: Path) -> None:
    with _writing():
        try:
            partial.replace(folder)
        except OSError:
            # If another process was faster, its folder stays: a folder cannot replace one with files.
            if not (folder / "set.json").exists():
                raise


def _read(folder: Path, kind: Kind) -> tuple[Dataset, list[str]]:
    record = json.loads((folder / "set.json").read_text())
    images, labels, attributes = _arrays(folder, kind, tuple(record["shape"]))
    _, height, width, channels = images.shape
    spec = Spec(kind.name, (height, width, channels), kind.class_names, record["fingerprint"])
    return Dataset(images, labels, spec, attributes), record["left_out"]


def _arrays(
    folder: Path, kind: Kind, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, Attributes | None]:
    images = np.asarray(np.memmap(folder / "images.bin", np.uint8, "r", shape=shape))
    values = np.load(folder / "attributes.npy")
    attributes = Attributes(kind.attribute_names, values) if kind.attribute_names else None
    return images, np.load(folder / "labels.npy"), attributes


def say_left_out(left_out: list[str], *, name: str) -> None:
    """Prints how many pictures of a set were left out, which ones and why.

    Args:
        left_out: a text for each, as returned by `keep`.
        name: name of the set.
    """
    if left_out:
        tqdm.write(f"{name}: {len(left_out)} left out as unreadable: {_few(left_out)}.")


def _few(texts: list[str], *, most: int = 10) -> str:
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")


def _pictures() -> Path:
    return cache_directory() / "pictures"


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"decoded pictures cannot be kept in {_pictures()}: {error.strerror or error}; "
            "set XDG_CACHE_HOME to a directory with space for them."
        ) from None
