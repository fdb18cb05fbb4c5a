"""Files of data sets with any bytes: nothing but DataError, in one line, or what the file still says.

`pytest -m fuzz -n 0 -s` runs this and says how many were tried; JAXVAE_FUZZ_SECONDS is for how long each reader is.
"""

import gzip
import hashlib
import io
import os
import random
import shutil
import time
import warnings
from pathlib import Path

import numpy as np
import official_archives
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from jaxvae.data import Attributes, DataError, from_arrays, load, load_splits, read_pictures
from jaxvae.data.attributes import read_attributes
from jaxvae.data.bundled import parse_idx
from jaxvae.data.celeba import find_celeb_a
from jaxvae.data.decoded import Example, Kind, keep
from jaxvae.data.folder import _decode
from jaxvae.data.partition import read_partition

pytestmark = pytest.mark.fuzz

SECONDS = float(os.environ.get("JAXVAE_FUZZ_SECONDS", "600"))
GREY = np.random.default_rng(0).integers(0, 256, (8, 9), dtype=np.uint8)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """An empty cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxvae" / "pictures"


def spoilt(*contents):
    """One of some contents with bytes set, put in, taken out or repeated, or its end cut off."""
    return st.binary(min_size=8, max_size=8).map(lambda drawn: _spoil(contents, random.Random(drawn)))


def _spoil(contents, drawn):
    content = bytearray(drawn.choice(contents))
    for _ in range(drawn.choice([1, 1, 2, 4])):
        start = drawn.randint(0, len(content))
        end = min(len(content), start + drawn.randint(0, 40))
        new = drawn.choice(
            [drawn.randbytes(drawn.randint(0, 8)), b"\xff" * 4, b"\0" * 4, b"\x7f" + b"\xff" * 7]
        )
        match drawn.choice(["set", "set", "insert", "delete", "repeat", "cut"]):
            case "set":
                content[start : start + len(new)] = new
            case "insert":
                content[start:start] = new
            case "delete":
                del content[start:end]
            case "repeat":
                content[start:start] = content[start:end]
            case "cut":
                del content[start:]
    return bytes(content)


def try_all(inputs, read):
    """Reads inputs until the time is over; DataErrors must be one line, and nothing else may be raised."""
    end, counts = time.monotonic() + SECONDS, {"read": 0, "refused": 0}

    def once(content):
        if time.monotonic() > end:
            return
        message = ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's, of what it repairs
                read(content)
        except DataError as error:
            message = str(error)
        assert "\n" not in message
        counts["refused" if message else "read"] += 1

    number = 0
    while time.monotonic() < end:
        number += 1
        options = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
        phases = [Phase.generate, Phase.shrink]
        seed(number)(settings(max_examples=500, phases=phases, **options)(given(inputs)(once)))()
    print(f"{sum(counts.values()):,} inputs: {counts['read']:,} read, {counts['refused']:,} refused")
    assert sum(counts.values())


def test_idx_files():
    content = b"\0\0\x08\x02\0\0\0\x02\0\0\0\x03" + bytes(6)
    try_all(
        st.tuples(st.sampled_from([2, 2, 2, 1, 3, 255]), spoilt(content) | st.binary(max_size=64)),
        lambda case: parse_idx(case[1], rank=case[0]),
    )


PICTURES = [Path(name) for name in ("0.png", "1.png", "sub/2.png")]
WORDS = st.sampled_from(["0.png", "1.png", "2.png", "1", "-1", "0", "2", "Bald", "3", ",", '"', "﻿", "\u2028"])
CELLS = st.lists(WORDS | st.text(max_size=3), max_size=4)


def texts(separator, whole):
    lines = st.lists(CELLS.map(separator.join), max_size=5).map("\n".join)
    encoded = st.tuples(lines, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return encoded.map(lambda t: t[0].encode(t[1], "surrogatepass")) | spoilt(whole) | st.binary(max_size=64)


LISTS = {
    "list_attr.txt": (" ", b"3\nBald Young\n0.png 1 -1\r\n1.png -1 -1\n2.png 1 1\n"),
    "list_attr.csv": (",", b'image_id,Bald,Young\n"0.png",1,-1\n1.png,-1,-1\n2.png,1,1\n'),
    "list_eval_partition.txt": (" ", b"0.png 0\n1.png 2\n2.png 1\n"),
    "list_eval_partition.csv": (",", b"image_id,partition\n0.png,0\n1.png,2\n2.png,1\n"),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists(name):
    read = read_attributes if "attr" in name else read_partition
    try_all(texts(*LISTS[name]), lambda content: read(Path(name), content, PICTURES))


def encoded(name):
    content = io.BytesIO()
    Image.fromarray(GREY).convert("RGB").save(content, {"jpg": "jpeg", "tif": "tiff"}.get(name, name))
    return content.getvalue()


FORMATS = {name: encoded(name) for name in ("png", "jpg", "gif", "bmp", "tif", "tga", "ppm", "webp")}


ENDINGS = st.sampled_from(list(FORMATS))
DAMAGED = ENDINGS.flatmap(lambda ending: st.tuples(st.just(ending), spoilt(FORMATS[ending])))


def test_pictures(tmp_path):
    def read(case):
        ending, content = case
        file = tmp_path / f"spoilt.{ending}"
        file.write_bytes(content)
        image = _decode((file, hashlib.sha256(content).hexdigest()), root=tmp_path, image_size=8)
        assert "\n" not in image if isinstance(image, str) else image.shape == (8, 8, 3)
        try:
            read_pictures(tmp_path)
        finally:
            file.unlink()

    try_all(DAMAGED, read)


def test_pictures_in_folders(tmp_path, cache):
    """A spoilt picture beside two whole ones: it is left out, or read, and the others are always there."""
    root = tmp_path / "root"
    root.mkdir()
    for number in range(2):
        (root / f"{number}.png").write_bytes(FORMATS["png"])

    def read(case):
        shutil.rmtree(cache, ignore_errors=True)
        ending, content = case
        file = root / f"spoilt.{ending}"
        file.write_bytes(content)
        try:
            assert sum(map(len, load_splits(f"folder:{root}", image_size=8))) in (2, 3)
        finally:
            file.unlink()

    try_all(DAMAGED, read)


def test_the_cache_of_pictures(cache):
    """Damage to any file of a cached set: the same set comes out, read or made again."""
    kind = Kind("set", ("a", "b", "c"), ("wide", "tall"))

    def examples():
        for label in range(3):
            yield Example(np.full((8, 8, 3), label, np.uint8), label, np.array([True, False]))

    expected = from_arrays(
        np.stack([example.image for example in examples()]),
        range(3),
        name="set",
        class_names=kind.class_names,
        attributes=Attributes(kind.attribute_names, np.array([[True, False]] * 3)),
    )
    keep("key", examples(), kind)
    files = [cache / "key" / name for name in ("images.bin", "labels.bin", "attributes.bin", "facts.txt")]
    whole = {file: file.read_bytes() for file in files}

    def read(case):
        file, content = case
        file.write_bytes(content)
        found, _ = keep("key", examples(), kind)
        assert found.spec == expected.spec
        np.testing.assert_array_equal(found.images, expected.images)
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_array_equal(found.attributes.values, expected.attributes.values)

    contents = {file: spoilt(content) | st.binary(max_size=64) for file, content in whole.items()}
    try_all(st.sampled_from(files).flatmap(lambda f: st.tuples(st.just(f), contents[f])), read)


@pytest.mark.parametrize("name", ["fashion_mnist", "cifar10", "stl10"])
def test_official_archives(stand_ins, monkeypatch, tmp_path, name):
    """Archives with damage at any depth, of which TFDS would have registered the digests."""
    archives = getattr(official_archives, name)(stand_ins[name])
    plain = {file: gzip.decompress(content) for file, content in archives.items()}
    folder = tmp_path / "downloads" / name
    folder.mkdir(parents=True)

    def read(case):
        file, content, packed = case
        altered = archives | {file: gzip.compress(content, 1) if packed else content}
        official_archives.register(monkeypatch, name, altered)
        for each, bytes_ in altered.items():
            (folder / each).write_bytes(bytes_)
        try:
            load(name, split="train", data_dir=tmp_path)
        finally:
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)

    def damage(file):
        inside = st.tuples(st.just(file), spoilt(plain[file]), st.just(True))
        return inside | st.tuples(st.just(file), spoilt(archives[file]), st.just(False))

    try_all(st.sampled_from(sorted(archives)).flatmap(damage), read)


def test_the_archive_of_celeb_a(stand_ins, monkeypatch, tmp_path):
    import tensorflow_datasets as tfds

    builder = tfds.builder("celeb_a", data_dir=tmp_path)
    attributes = list(builder.info.features["attributes"])
    archives = official_archives.celeb_a(stand_ins["celeb_a"], attributes)

    def read(content):
        altered = archives | {"img_align_celeba.zip": content}
        official_archives.register(monkeypatch, "celeb_a", altered)
        for each, bytes_ in altered.items():
            (tmp_path / each).write_bytes(bytes_)
        faces = find_celeb_a(builder, "train")
        assert len(faces.__getitems__(range(len(faces)))) == 4

    try_all(spoilt(archives["img_align_celeba.zip"]), read)
