import errno
import os
from pathlib import Path

import pytest

from jaxvae.files import append, exists, write_atomically


@pytest.fixture
def path(tmp_path):
    (tmp_path / "results.json").write_bytes(b"before")
    return tmp_path / "results.json"


def fail(code):
    def failing(*_):
        raise OSError(code, os.strerror(code))

    return failing


def test_content_is_on_the_disk_before_it_has_its_name(path, monkeypatch):
    done = []
    sync, replace = os.fsync, Path.replace

    def note_sync(handle):
        sync(handle)
        done.append((os.fstat(handle).st_size, path.read_bytes()) if not os.path.isdir(handle) else "folder")

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", lambda *names: done.append("name") or replace(*names))
    write_atomically(path, b"after")
    assert done == [(5, b"before"), "name", "folder"]
    assert path.read_bytes() == b"after"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENOSPC])
@pytest.mark.parametrize("function", ["os.fsync", "pathlib.Path.replace"])
def test_a_drive_that_fails_leaves_the_former_file_and_is_an_error_that_names_it(
    path, monkeypatch, function, code
):
    with monkeypatch.context() as patch:
        patch.setattr(function, fail(code))
        with pytest.raises(OSError, match=os.strerror(code)) as error:
            write_atomically(path, b"after")
    assert (error.value.errno, error.value.filename) == (code, str(path))
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_system_that_cannot_sync_is_written_to(path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail(errno.EINVAL))
    write_atomically(path, b"after")
    assert path.read_bytes() == b"after"


def test_what_is_added_stands_at_the_end_and_errors_name_the_file(path):
    append(path, b", after")
    assert path.read_bytes() == b"before, after"
    gone = path.parent / "gone" / "metrics.jsonl"
    with pytest.raises(FileNotFoundError) as error:
        append(gone, b"line")
    assert error.value.filename == str(gone)
    assert not gone.parent.exists()


def test_a_drive_that_does_not_answer_is_no_missing_file(path, monkeypatch):
    assert exists(path)
    assert not exists(path.parent / "other")
    assert not exists(path / "below")
    monkeypatch.setattr(os, "stat", fail(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        exists(path)
