"""The stand-ins of tests/tfds_stand_ins.py in the form of the official archives, and a host that serves files."""

import contextlib
import gzip
import hashlib
import http.server
import io
import re
import struct
import tarfile
import threading
import time
import zipfile
from types import SimpleNamespace

import numpy as np
from tfds_stand_ins import CLASSES, face_name, png


def _idx(array):
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes())


def tar(folder, files):
    """A gzipped tar archive of files in a folder, and of one more."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in {**files, "README": b"not needed"}.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _names(name):
    return "".join(f"{label}\n" for label in CLASSES[name]).encode()


def fashion_mnist(splits):
    return {
        f"{prefix}-{what}-idx{rank}-ubyte.gz": _idx(array)
        for prefix, split in (("train", "train"), ("t10k", "test"))
        for what, rank, array in (
            ("images", 3, splits[split][0][..., 0]),
            ("labels", 1, splits[split][1]),
        )
    }


def cifar10(splits):
    rows = {
        split: [
            bytes([label]) + image.transpose(2, 0, 1).tobytes() for image, label in zip(*arrays, strict=True)
        ]
        for split, arrays in splits.items()
    }
    batches = {f"data_batch_{i + 1}.bin": b"".join(rows["train"][8 * i : 8 * i + 8]) for i in range(5)}
    files = {
        "batches.meta.txt": _names("cifar10") + b"\n",
        "test_batch.bin": b"".join(rows["test"]),
        **batches,
    }
    return {"cifar-10-binary.tar.gz": tar("cifar-10-batches-bin", files)}


def stl10(splits):
    files = {}
    for split, prefix in (("test", "test"), ("train", "train"), ("unlabelled", "unlabeled")):
        images, labels = splits[split]
        files[f"{prefix}_X.bin"] = images.transpose(0, 3, 2, 1).tobytes()
        if split != "unlabelled":
            files[f"{prefix}_y.bin"] = (labels + 1).astype(np.uint8).tobytes()
    return {"stl10_binary.tar.gz": tar("stl10_binary", {**files, "class_names.txt": _names("stl10")})}


def celeb_a(splits, attribute_names):
    """The files, with the attributes in another order than TFDS's."""
    numbers = {"train": 0, "validation": 1, "test": 2}
    buffer = io.BytesIO()
    signs, parts = [], []
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.mkdir("img_align_celeba")
        for split, arrays in splits.items():
            for i, (image, values) in enumerate(zip(*arrays, strict=True)):
                name = face_name(split, i)
                archive.writestr(f"img_align_celeba/{name}", png(image))
                signs.append(" ".join([name, *(" 1" if value else "-1" for value in values[::-1])]))
                parts.append(f"{name} {numbers[split]}")
    return {
        "img_align_celeba.zip": buffer.getvalue(),
        "list_attr_celeba.txt": "\r\n".join(
            [str(len(signs)), " ".join(attribute_names[::-1]), *signs, ""]
        ).encode(),
        "list_eval_partition.txt": "\r\n".join([*parts, ""]).encode(),
    }


def as_csv(files):
    """CelebA's files with the lists in the form of its mirrors."""
    attributes = files["list_attr_celeba.txt"].decode().splitlines()[1:]
    parts = files["list_eval_partition.txt"].decode().splitlines()
    csv = {
        "list_attr_celeba.csv": [f"image_id {attributes[0]}", *attributes[1:]],
        "list_eval_partition.csv": ["image_id partition", *parts],
    }
    return {
        "img_align_celeba.zip": files["img_align_celeba.zip"],
        **{name: "\n".join(",".join(line.split()) for line in lines).encode() for name, lines in csv.items()},
    }


def register(monkeypatch, name, archives, base="http://127.0.0.1:9"):
    """Has the installed TFDS know these archives of a set, {file name: content}, instead of the real ones."""
    import tensorflow_datasets as tfds

    infos = {
        f"{base}/{file}": SimpleNamespace(
            filename=file, size=len(content), checksum=hashlib.sha256(content).hexdigest()
        )
        for file, content in archives.items()
    }
    monkeypatch.setattr(tfds.builder_cls(name), "url_infos", infos)


class Host:
    """A host on the loopback, with faults.

    Attributes:
        files: {name: content}.
        requests: (method, name, first byte asked for) of each request.
        cut_after: number of bytes after which each answer ends; None for no end.
        hold: seconds for which a cut connection stays open.
        delay: seconds before an answer.
        ranges: whether it can begin in the middle.
        lengths: whether it says how long the answer is.
        status: status of every answer; None for an ordinary one.
    """

    def __init__(self, files):
        self.files = files
        self.requests = []
        self.cut_after = None
        self.hold = self.delay = 0.0
        self.ranges = True
        self.lengths = True
        self.status = None

    @contextlib.contextmanager
    def running(self):
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.answer(send=False)

            def do_GET(self):
                self.answer(send=True)

            def answer(self, *, send):
                name = self.path.lstrip("/")
                asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                start = int(asked[1]) if asked else 0
                time.sleep(host.delay)
                host.requests.append((self.command, name, start))
                if host.status or name not in host.files:
                    self.send_error(host.status or 404)
                    return
                content = host.files[name]
                start = start if host.ranges else 0
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                if host.lengths:
                    self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                if send:
                    with contextlib.suppress(OSError):  # the other side may have gone
                        self.wfile.write(content[start:][: host.cut_after])
                        time.sleep(host.hold)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()
