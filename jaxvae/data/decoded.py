"""Sets of pictures, decoded once and cached as raw bytes that later runs map into memory.

Images are uint8 in [0, 255]. A cached set is a folder, which appears under its key only when it is complete:

    images.bin          [n, height, width, channels] in C order
    labels.bin          [n], int32
    attributes.bin      [n, k], bool
    facts.txt           shape, fingerprint, stamps of the files above, and the pictures left out

A set is believed if its files have not been touched since they were written, or else if they have its fingerprint.
"""

import contextlib
import os
import platform
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from jaxtyping import Bool, UInt8

from jaxvae.data.cache import pictures_directory, read_facts, remove, settled, stamp, write_facts, writing
from jaxvae.data.dataset import Attributes, DataError, Dataset, Spec, from_arrays
from jaxvae.screen import say

_FILES = ("images.bin", "labels.bin", "attributes.bin")
_FACTS = "facts.txt"

_Arrays: TypeAlias = tuple[np.ndarray, np.ndarray, Attributes | None]


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
    folder = pictures_directory() / key
    # An incomplete or damaged set is made again.
    with contextlib.suppress(OSError, ValueError):
        return _read(folder, kind)
    # Machines may share a home directory, and each knows only its own processes.
    partial = folder.with_name(f".{key}.{platform.node()}.{os.getpid()}.partial")
    _remove_abandoned()
    try:
        with writing():
            remove(partial)
            partial.mkdir(parents=True)
            remove(folder)
        _write(partial, examples, kind)
        _publish(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    try:
        return _read(folder, kind)
    except (OSError, ValueError):
        raise DataError(
            f"the decoded pictures in {folder} are damaged and cannot be replaced; remove that folder."
        ) from None


def say_left_out(left_out: list[str], *, name: str) -> None:
    """Prints how many pictures of a set were left out, which ones and why.

    Args:
        left_out: a text for each, as returned by `keep`.
        name: name of the set.
    """
    if left_out:
        say(f"{name}: {len(left_out)} left out, which cannot be used: {few(left_out)}.")


def few(texts: list[str], *, most: int = 10) -> str:
    """Lists texts in a line of bounded length.

    Args:
        texts: the texts.
        most: how many of them to list.

    Returns:
        The first of them, and the number of the others.
    """
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")


def _remove_abandoned() -> None:
    """Removes unfinished sets of killed processes of this machine."""
    for partial in pictures_directory().glob(".*.partial"):
        name = re.fullmatch(r"\.[^.]+\.(.+)\.(\d+)\.partial", partial.name, re.DOTALL)
        if name and name[1] == platform.node() and not _runs(int(name[2])):
            shutil.rmtree(partial, ignore_errors=True)


def _runs(process: int) -> bool:
    if os.name == "nt":  # there signal 0 is CTRL_C_EVENT, not a probe
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # the process of another user
        return True
    return True


def _write(folder: Path, examples: Iterable[Example | str], kind: Kind) -> None:
    labels: list[int] = []
    attributes: list[np.ndarray] = []
    left_out: list[str] = []
    shape: tuple[int, ...] = ()
    images, *others = (folder / name for name in _FILES)
    with _created(images) as file:
        for example in examples:
            if isinstance(example, str):
                left_out.append(example)
                continue
            with writing():
                file.write(example.image.tobytes())
            labels.append(example.label)
            attributes.append(example.attributes)
            shape = example.image.shape
    if not labels:
        raise DataError(f"{kind.name} has no picture that can be used: {few(left_out)}.")
    for path, array in zip(others, (np.array(labels, np.int32), np.stack(attributes)), strict=True):
        with _created(path) as file, writing():
            file.write(array.tobytes())
    shape = (len(labels), *shape)
    with writing():
        facts = {"shape": shape, "left_out": left_out}
        facts["fingerprint"] = _fingerprint(_arrays(folder, kind, shape), kind)
        write_facts(folder / _FACTS, facts | {"stamps": _lasting(_stamps(folder))})


@contextlib.contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    """A new file, which is on the disk at the end.

    Errors of its closing are write errors too; errors of what is done with it pass through.
    """
    with writing():
        file = path.open("wb")
    try:
        yield file
        with writing():
            file.flush()
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                os.fsync(file.fileno())
    finally:
        with writing():
            file.close()


def _publish(partial: Path, folder: Path) -> None:
    with writing():
        try:
            partial.replace(folder)
        except OSError:
            # If another process was faster, its folder stays: a folder cannot replace one with files.
            if not (folder / _FACTS).exists():
                raise


def _read(folder: Path, kind: Kind) -> tuple[Dataset, list[str]]:
    """A cached set; raises OSError or ValueError if it is incomplete or damaged."""
    facts = read_facts(folder / _FACTS)
    stamps = _stamps(folder)
    lasting = _lasting(stamps)
    arrays = _arrays(folder, kind, tuple(facts["shape"]))
    if stamps != facts["stamps"]:
        if _fingerprint(arrays, kind) != facts["fingerprint"]:
            raise ValueError(f"{folder} is damaged")
        with contextlib.suppress(OSError):  # the next start is only slower
            write_facts(folder / _FACTS, facts | {"stamps": lasting})
    images, labels, attributes = arrays
    _, height, width, channels = images.shape
    spec = Spec(kind.name, (height, width, channels), kind.class_names, facts["fingerprint"])
    return Dataset(images, labels, spec, attributes), facts["left_out"]


def _arrays(folder: Path, kind: Kind, shape: tuple[int, ...]) -> _Arrays:
    n, k = shape[0], len(kind.attribute_names)
    lengths = [int(np.prod(shape)), n * np.dtype(np.int32).itemsize, n * k]
    if [numbers[:1] for numbers in _stamps(folder)] != [[length] for length in lengths]:
        raise ValueError(f"{folder} is incomplete")
    images, labels, values = (folder / name for name in _FILES)
    attributes = Attributes(kind.attribute_names, np.fromfile(values, bool).reshape(n, k)) if k else None
    return (
        np.asarray(np.memmap(images, np.uint8, "r", shape=shape)),
        np.fromfile(labels, np.int32),
        attributes,
    )


def _fingerprint(arrays: _Arrays, kind: Kind) -> str:
    images, labels, attributes = arrays
    made = from_arrays(images, labels, name=kind.name, class_names=kind.class_names, attributes=attributes)
    return made.spec.fingerprint


def _stamps(folder: Path) -> list[list[int]]:
    return [list(stamp(folder / name)) for name in _FILES]


def _lasting(stamps: list[list[int]]) -> list[list[int]]:
    """The stamps; none if they are so new that a modification might not change them."""
    return stamps if settled(stamps) else []
