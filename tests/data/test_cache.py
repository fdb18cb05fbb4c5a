import os
import time

import pytest

from jaxvae.data import DataError
from jaxvae.data.cache import pictures_directory, read_facts, recall, settled, stamp, write_facts
from jaxvae.data.contents import content_digests, read_regular, read_unchanged, shown


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    """An empty cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize(
    "damage",
    [
        bytes.upper,
        lambda b: b[:-1],
        lambda b: b + b"\0",
        lambda b: b"",
        lambda b: b"[]",
        lambda b: b"[" * 100_000,
    ],
)
def test_damaged_facts_are_found_out_again(damage):
    assert recall("key", lambda: (["a", 1], True)) == ["a", 1]
    assert recall("key", pytest.fail) == ["a", 1]
    note = pictures_directory() / "key.txt"
    note.write_bytes(damage(note.read_bytes()))
    assert recall("key", lambda: (["b"], True)) == ["b"]
    assert recall("key", pytest.fail) == ["b"]


def test_what_does_not_last_is_not_cached():
    assert recall("key", lambda: ("a", False)) == "a"
    assert recall("key", lambda: ("b", True)) == "b"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_garbage_in_the_place_of_facts_is_replaced(make):
    pictures_directory().mkdir(parents=True)
    make(pictures_directory() / "key.txt")
    assert recall("key", lambda: ("a", True)) == "a"
    assert read_facts(pictures_directory() / "key.txt") == "a"


def test_facts_come_back(tmp_path):
    facts = {"name": "\udcff", "numbers": [1, 2.5]}
    write_facts(tmp_path / "facts", facts)
    assert read_facts(tmp_path / "facts") == facts


def test_digests_are_of_regular_files_and_follow_them(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    os.mkfifo(tmp_path / "pipe")
    files = {name: tmp_path / name for name in ("a", "pipe", "missing")}
    first = content_digests(files, title="files")
    assert [len(text) for text in first.values()] == [64, 0, 0]
    assert [len(stamp(file)) for file in files.values()] == [3, 0, 0]
    assert read_unchanged(files["a"], first["a"]) == b"a"
    with pytest.raises(OSError, match="no regular file"):
        read_regular(files["pipe"])
    with pytest.raises(OSError, match="No such file"):
        read_unchanged(files["missing"], "")
    (tmp_path / "a").write_bytes(b"b")
    with pytest.raises(DataError, match="has changed while it was read; run again once nothing writes to it"):
        read_unchanged(files["a"], first["a"])
    assert content_digests(files, title="files")["a"] != first["a"]
    (tmp_path / "a").unlink()
    with pytest.raises(DataError, match="has changed while it was read"):
        read_unchanged(files["a"], first["a"])


def test_digests_of_files_that_change_meanwhile_are_not_cached(tmp_path, monkeypatch):
    from jaxvae.data import contents

    file = tmp_path / "a"
    file.write_bytes(b"a")
    before = file.stat()
    time.sleep(0.03)  # longer than file systems' clocks take to move on
    right = content_digests({"a": file}, title="files")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    digest = contents._digest

    def changed_meanwhile(path):
        path.write_bytes(b"b")
        found = digest(path)
        path.write_bytes(b"a")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(contents, "_digest", changed_meanwhile)
        assert content_digests({"a": file}, title="files") != right
    assert content_digests({"a": file}, title="files") == right


def test_names_that_are_no_utf8_can_be_printed():
    assert shown(os.fsdecode(b"caf\xe9 \xc3\xa9.png")) == "caf\\xe9 é.png"


def test_files_are_settled_once_their_clock_has_moved_on(monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: 10**18)
    assert settled([(1, 0, 10**18 - 30_000_000), (), (1, 0, 10**18 + 1)])
    assert not settled([(1, 0, 0), (1, 0, 10**18 - 1_000_000)])
