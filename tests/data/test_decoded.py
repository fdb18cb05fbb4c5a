import os
import subprocess
import sys
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
