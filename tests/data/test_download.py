import hashlib
import os
import resource
import shutil
from collections import namedtuple

import numpy as np
import official_archives
import pytest

from jaxvae.data import DataError
from jaxvae.data.download import Archive, UnreachableError, download, reachable, verify

CONTENT = np.random.default_rng(0).bytes(600_000)
NAME = "images.tar.gz"
PARTIAL = f"{NAME}.partial"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def host():
    """A host that has the archive; its address is `host.base`."""
    host = official_archives.Host({NAME: CONTENT})
    with host.running() as host.base:
        yield host


def archive(host, content=CONTENT):
    return Archive(f"{host.base}/{NAME}", NAME, len(content), hashlib.sha256(content).hexdigest())


def refused(host, folder, content=CONTENT):
    with pytest.raises(DataError) as refusal:
        download(archive(host, content), folder)
    assert "\n" not in str(refusal.value)
    assert not (folder / NAME).exists()
    return str(refusal.value)


def test_the_archive_is_put_into_its_folder(host, tmp_path):
    folder = tmp_path / "new" / "folder"
    assert download(archive(host), folder) == folder / NAME
    assert (folder / NAME).read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == [NAME]


@pytest.mark.parametrize("lengths", [True, False])
def test_a_cut_connection_is_one_line_and_the_next_run_goes_on(host, tmp_path, lengths):
    host.cut_after, host.lengths = 250_000, lengths
    message = refused(host, tmp_path)
    assert message.startswith("the connection to 127.0.0.1:")
    assert message.endswith(f"after 0.2 MB of 0.6 MB of {NAME}; run again to continue from there.")
    assert (tmp_path / PARTIAL).read_bytes() == CONTENT[:250_000]
    refused(host, tmp_path)
    host.cut_after = None
    assert download(archive(host), tmp_path).read_bytes() == CONTENT
    assert [start for _, _, start in host.requests] == [0, 250_000, 500_000]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_host_that_cannot_continue_begins_anew(host, tmp_path):
    (tmp_path / PARTIAL).write_bytes(CONTENT[:1000])
    host.ranges = False
    assert download(archive(host), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("had", [CONTENT, CONTENT + b"more"])
def test_what_had_arrived_may_be_whole_or_too_long(host, tmp_path, had):
    (tmp_path / PARTIAL).write_bytes(had)
    assert download(archive(host), tmp_path).read_bytes() == CONTENT
    assert len(host.requests) == (0 if had == CONTENT else 1)


def test_wrong_bytes_are_one_line_and_removed(host, tmp_path):
    wrong = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    host.files[NAME] = wrong
    message = refused(host, tmp_path)
    expected, found = (hashlib.sha256(content).hexdigest() for content in (CONTENT, wrong))
    assert f"expected SHA-256 {expected}, got {found}; they are removed" in message
    assert list(tmp_path.iterdir()) == []
    host.files[NAME] = CONTENT
    assert download(archive(host), tmp_path).read_bytes() == CONTENT


def test_bytes_that_changed_during_an_interruption_are_wrong(host, tmp_path):
    (tmp_path / PARTIAL).write_bytes(b"?" + CONTENT[1:1000])
    assert "gave other bytes than TFDS has registered" in refused(host, tmp_path)
    assert download(archive(host), tmp_path).read_bytes() == CONTENT


def test_another_length_is_refused_before_anything_is_downloaded(host, tmp_path):
    host.files[NAME] = CONTENT + b"newer"
    assert "another version than TFDS has registered: expected 600000 bytes, got 600005" in refused(
        host, tmp_path
    )
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_space_is_one_line_before_anything_is_downloaded(host, monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1, 1))
    message = refused(host, tmp_path)
    assert message.startswith(
        f"{NAME} cannot be kept in {tmp_path}: No space left on device; it takes 0.6 MB there."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_is_one_line_and_the_next_run_goes_on(host, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        message = refused(host, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert f"{NAME} cannot be kept in {tmp_path}: File too large" in message
    assert "Run again to continue" in message
    assert (tmp_path / PARTIAL).read_bytes() == CONTENT[:300_000]
    assert download(archive(host), tmp_path).read_bytes() == CONTENT
    assert host.requests[-1] == ("GET", NAME, 300_000)


def test_a_folder_that_cannot_be_made_is_one_line(host, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=f"{NAME} cannot be kept in .*/file/folder: Not a directory"):
        download(archive(host), tmp_path / "file" / "folder")


def test_two_processes_do_not_write_to_one_file(host, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    with (tmp_path / PARTIAL).open("ab") as other:
        other.write(CONTENT[:1000])
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        assert f"{NAME} is being downloaded into {tmp_path} by another process" in refused(host, tmp_path)
    assert (tmp_path / PARTIAL).read_bytes() == CONTENT[:1000]
    assert download(archive(host), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(("status", "reason"), [(404, "404 Not Found"), (503, "503 Service Unavailable")])
def test_a_host_without_the_archive_counts_as_unreachable(host, tmp_path, status, reason):
    host.status = status
    with pytest.raises(UnreachableError, match=f"127.0.0.1:[0-9]+ answers {reason}"):
        download(archive(host), tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
    assert not reachable(archive(host).url)


def test_a_reachable_file_is_not_fetched_by_asking(host):
    assert reachable(f"{host.base}/{NAME}")
    assert not reachable(f"{host.base}/other")
    assert host.requests[0] == ("HEAD", NAME, 0)


def test_a_silent_host_is_not_waited_for(host, monkeypatch, tmp_path):
    monkeypatch.setattr("jaxvae.data.download._ANSWER_SECONDS", 0.2)
    host.delay = 1.0
    with pytest.raises(UnreachableError, match=r"has not answered for 0\.2 s"):
        download(archive(host), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_falls_silent_has_cut_the_connection(host, monkeypatch, tmp_path):
    monkeypatch.setattr("jaxvae.data.download._SILENCE_SECONDS", 0.2)
    host.cut_after, host.hold = 1000, 1.0
    assert "broke (timed out) after 0.0 MB of 0.6 MB" in refused(host, tmp_path)
    assert (tmp_path / PARTIAL).read_bytes() == CONTENT[:1000]


def test_a_bar_shows_the_progress(host, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    (tmp_path / PARTIAL).write_bytes(CONTENT[:300_000])
    download(archive(host), tmp_path)
    assert f"Downloading {NAME}:  50%" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_one_line(host, tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file or directory"):
        verify(archive(host), tmp_path / "absent")
    os.truncate(download(archive(host), tmp_path), 10)
    with pytest.raises(
        DataError, match=r"truncated, altered or another version.*expected 600000 bytes, got 10"
    ):
        verify(archive(host), tmp_path / NAME)
