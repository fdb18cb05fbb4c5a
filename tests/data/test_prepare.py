import http.server
import importlib.util
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from jaxvae.data import DataError, load
from jaxvae.data.bundled import mnist_folder
from jaxvae.data.prepare import prepare

REFUSED = "http://127.0.0.1:9/images.gz"


class Builder:
    """Stands for a TFDS builder: knows its archives and records how it is asked to prepare."""

    def __init__(self, root, *, name="photos", url=REFUSED, error=None):
        self.name = name
        self.data_dir_root = root
        self.data_path = root / name / "1.0.0"
        self.url_infos = {url: SimpleNamespace(filename=url.rsplit("/", 1)[-1], size=1, checksum="")}
        self.error = error
        self.calls = []

    def download_and_prepare(self, *, file_format, download_config):
        if self.error:
            raise self.error
        self.calls.append((file_format, Path(download_config.manual_dir)))


def _pretend_tensorflow(monkeypatch, installed):
    found = importlib.util.find_spec
    special = {"tensorflow": installed, "importlib_resources": True}
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: special[name] or None if name in special else found(name),
    )


@pytest.fixture
def with_tensorflow(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    _pretend_tensorflow(monkeypatch, installed=True)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("mnist", "use source 'bundled'"),
        ("celeb_a", "--data folder:PATH"),
        (
            "celeb_a",
            r"put img_align_celeba\.zip, list_attr_celeba\.txt, list_eval_partition\.txt into .*downloads/celeb_a "
            r"\(their host, Google Drive, refuses a file for up to a day once too many people have downloaded it",
        ),
    ],
)
def test_without_tensorflow_the_ways_out_are_named_at_once(monkeypatch, tmp_path, name, way):
    _pretend_tensorflow(monkeypatch, installed=False)
    start = time.monotonic()
    with pytest.raises(DataError, match=f"^{name} is not prepared in {tmp_path}") as refusal:
        load(name, split="train", source="tfds", data_dir=tmp_path)
    assert time.monotonic() - start < 10
    refusal.match("pip install tensorflow")
    refusal.match("--data-dir")
    refusal.match(way)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_only_the_files_of_celeb_a_that_are_missing_are_asked_for(monkeypatch, tmp_path):
    _pretend_tensorflow(monkeypatch, installed=False)
    (tmp_path / "img_align_celeba.zip").touch()
    (tmp_path / "list_attr_celeba.csv").touch()
    with pytest.raises(DataError, match=r"; put list_eval_partition\.txt into"):
        load("celeb_a", split="train", data_dir=tmp_path)


def test_data_of_another_set_is_named(monkeypatch, tmp_path):
    _pretend_tensorflow(monkeypatch, installed=False)
    (tmp_path / "cifar10" / "3.0.2").mkdir(parents=True)
    (tmp_path / "cifar10" / "3.0.2" / "dataset_info.json").touch()
    with pytest.raises(
        DataError, match=f"celeb_a is not prepared in {tmp_path} .where cifar10 is. and cannot"
    ):
        load("celeb_a", split="train", data_dir=tmp_path)


@pytest.mark.usefixtures("with_tensorflow")
def test_without_network_the_missing_archives_are_named(tmp_path):
    builder = Builder(tmp_path)
    with pytest.raises(DataError, match=r"put images.gz into .*downloads/manual, or connect to the network"):
        prepare(builder)
    assert builder.calls == []


@pytest.mark.usefixtures("with_tensorflow")
def test_hanging_name_resolution_is_not_waited_for(monkeypatch, tmp_path):
    released = threading.Event()

    def hang(*_, **__):
        released.wait(30)
        raise OSError("no such host")

    monkeypatch.setattr("jaxvae.data.download._ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("socket.getaddrinfo", hang)
    start = time.monotonic()
    with pytest.raises(DataError, match="connect to the network"):
        prepare(Builder(tmp_path, url="http://photos.invalid/images.gz"))
    assert time.monotonic() - start < 5
    released.set()


@pytest.mark.usefixtures("with_tensorflow")
def test_archives_in_the_manual_folder_need_no_network(tmp_path):
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    (manual / "images.gz").touch()
    builder = Builder(tmp_path)
    prepare(builder)
    assert builder.calls == [("array_record", manual)]


@pytest.mark.usefixtures("with_tensorflow")
def test_mnist_is_prepared_from_the_files_of_the_package(tmp_path):
    builder = Builder(tmp_path, name="mnist", url="http://127.0.0.1:9/train-images-idx3-ubyte.gz")
    prepare(builder)
    assert builder.calls == [("array_record", Path(str(mnist_folder())))]


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200 if self.path == "/images.gz" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.usefixtures("with_tensorflow")
def test_archives_within_reach_are_left_to_tfds(tmp_path, server):
    builder = Builder(tmp_path, url=f"{server}/images.gz")
    prepare(builder)
    assert len(builder.calls) == 1


@pytest.mark.usefixtures("with_tensorflow")
def test_a_server_without_the_archive_counts_as_no_network(tmp_path, server):
    builder = Builder(tmp_path, url=f"{server}/moved.gz")
    with pytest.raises(DataError, match=r"put moved\.gz into"):
        prepare(builder)


@pytest.mark.usefixtures("with_tensorflow")
def test_a_failure_of_tfds_becomes_one_line(tmp_path, server):
    builder = Builder(tmp_path, url=f"{server}/images.gz", error=RuntimeError("wrong checksum:\n* Expected"))
    with pytest.raises(DataError, match=r"^TFDS could not prepare photos: wrong checksum: \* Expected$"):
        prepare(builder)
    builder.name = "celeb_a"
    with pytest.raises(
        DataError, match=r": wrong checksum: \* Expected; put img_align_celeba\.zip, .*Google Drive"
    ):
        prepare(builder)
