import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxvae.data import DataError
from jaxvae.data.decoded import Example, Kind, keep

FULL = Path("/dev/full")


@pytest.fixture
def pictures(monkeypatch, tmp_path):
    """The folder of decoded pictures in an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "jaxvae" / "pictures"
    folder.mkdir(parents=True)
    return folder


def examples(count):
    """Images of 3,072 bytes."""
    for number in range(count):
        yield Example(np.full((32, 32, 3), number, np.uint8), number, np.zeros(0, bool))


def folders(pictures):
    return sorted(path.name for path in pictures.iterdir())


def partial_of(pictures, key):
    """The folder that this process decodes into."""
    names = []

    def watched():
        names.extend(folders(pictures))
        yield from examples(1)

    keep(key, watched(), Kind("set"))
    (name,) = names
    return pictures / name


@pytest.mark.skipif(not FULL.exists(), reason="a disk that is always full is Linux's")
@pytest.mark.parametrize("count", [1, 5, 50])
def test_a_full_disk_is_one_line(pictures, monkeypatch, count):
    opened = Path.open

    def open_full(path, *arguments, **options):
        return opened(FULL if path.name == "images.bin" else path, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(DataError, match=r"decoded pictures cannot be kept in .*: No space left") as error:
        keep("set", examples(count), Kind("set"))
    assert "\n" not in str(error.value)
    assert folders(pictures) == []


def test_an_error_of_the_examples_is_their_own(pictures):
    def torn():
        yield from examples(2)
        raise OSError("the archive is torn")

    with pytest.raises(OSError, match="the archive is torn"):
        keep("set", torn(), Kind("set"))
    assert folders(pictures) == []


def test_what_a_killed_process_left_is_removed_and_nothing_else(pictures):
    own = partial_of(pictures, "own")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        alive = own.with_name(own.name.replace("own", "alive").replace(str(os.getpid()), str(running.pid)))
        alive.mkdir()
        keep("first", examples(2), Kind("set"))
        assert alive.name in folders(pictures)
        running.kill()
    elsewhere = own.with_name(f".key.elsewhere.{running.pid}.partial")
    elsewhere.mkdir()
    (alive / "images.bin").write_bytes(bytes(100))
    keep("first", examples(2), Kind("set"))
    assert alive.exists(), "what is kept already needs no look at the others"
    keep("second", examples(2), Kind("set"))
    assert folders(pictures) == [elsewhere.name, "first", "own", "second"]


def sets(key="set", count=3):
    """A set of two attributes from the cache, and whether it had to be made."""
    made = []

    def decoded():
        for example in examples(count):
            made.append(example)
            yield Example(example.image, example.label, np.array([True, False]))

    dataset, left_out = keep(key, decoded(), Kind("set", tuple("abc"), ("wide", "tall")))
    assert left_out == []
    np.testing.assert_array_equal(dataset.images[:, 0, 0, 0], range(count))
    np.testing.assert_array_equal(dataset.labels, range(count))
    np.testing.assert_array_equal(dataset.attributes.values, [[True, False]] * count)
    return bool(made)


def overwrite(file, start, content):
    with file.open("r+b") as opened:
        opened.seek(start)
        opened.write(content)


DAMAGES = {
    "pixels": lambda folder: overwrite(folder / "images.bin", 2000, b"\1" * 500),
    "fewer pixels": lambda folder: os.truncate(folder / "images.bin", 3072),
    "more pixels": lambda folder: os.truncate(folder / "images.bin", 4 * 3072),
    "a class": lambda folder: overwrite(folder / "labels.bin", 4, bytes([77])),
    "another class": lambda folder: overwrite(folder / "labels.bin", 4, bytes([2])),
    "more labels": lambda folder: os.truncate(folder / "labels.bin", 16),
    "an attribute": lambda folder: overwrite(folder / "attributes.bin", 1, bytes([1])),
    "no attributes": lambda folder: (folder / "attributes.bin").unlink(),
    "a pipe": lambda folder: (os.unlink(folder / "labels.bin"), os.mkfifo(folder / "labels.bin")),
    "facts": lambda folder: overwrite(folder / "facts.txt", 80, b"77"),
    "other facts": lambda folder: (folder / "facts.txt").write_text("[]"),
    "nested facts": lambda folder: (folder / "facts.txt").write_text("[" * 100_000),
    "a folder of facts": lambda folder: (os.unlink(folder / "facts.txt"), os.mkdir(folder / "facts.txt")),
    "a file": lambda folder: (shutil.rmtree(folder), folder.write_bytes(b"hello")),
    "a link": lambda folder: (shutil.rmtree(folder), folder.symlink_to("nowhere")),
    "nothing": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_set_is_made_again(pictures, damage):
    assert sets()
    assert not sets()
    DAMAGES[damage](pictures / "set")
    assert sets()
    assert not sets()


def test_a_set_that_was_only_touched_or_copied_is_believed(pictures):
    sets()
    for file in (pictures / "set").glob("*.bin"):
        os.utime(file)
    assert not sets()
    shutil.move(pictures / "set", pictures / "old")
    shutil.copytree(pictures / "old", pictures / "set")
    assert not sets()


def test_a_second_start_reads_no_pixel(pictures, monkeypatch):
    sets()
    time.sleep(0.03)  # files this new are compared with their fingerprint, once
    assert not sets()
    monkeypatch.setattr("jaxvae.data.decoded._fingerprint", None)
    assert not sets()


def test_garbage_in_the_cache_is_no_obstacle(pictures):
    own = partial_of(pictures, "set")
    shutil.rmtree(pictures / "set")
    for name in (
        ".partial",
        ".a.partial",
        ".a.b.c.partial",
        f".a.elsewhere.{10**30}.partial",
        ".\n..partial",
    ):
        (pictures / name).write_bytes(b"")
    own.write_bytes(b"in the place of the folder that is decoded into")
    assert sets()
    assert not sets()


def test_a_damaged_set_that_cannot_be_replaced_is_one_line(pictures, monkeypatch):
    sets()
    DAMAGES["a class"](pictures / "set")
    monkeypatch.setattr("jaxvae.data.decoded.remove", lambda path: None)
    with pytest.raises(
        DataError, match=r"in .*set are damaged and cannot be replaced; remove that folder\.$"
    ):
        sets()
