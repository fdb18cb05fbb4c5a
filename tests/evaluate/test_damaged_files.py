"""Files of statistics and of weights with any bytes: nothing but the documented error, in one line.

`pytest -m fuzz -s` runs this and says how many files were tried; JAXVAE_FUZZ_SECONDS is for how long each reader is.
"""

import io
import os
import pickle
import time
import warnings
import zipfile

import numpy as np
import pytest
from flax import serialization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_torch_files import Tensor, archive, legacy, names  # noqa: F401

from jaxvae import evaluate
from jaxvae.evaluate.inception_convert import read_layers
from jaxvae.evaluate.torch_files import read_tensors
from jaxvae.models import load_vgg16

pytestmark = pytest.mark.fuzz

SECONDS = float(os.environ.get("JAXVAE_FUZZ_SECONDS", "600"))

EDITS = st.lists(
    st.tuples(
        st.sampled_from(["set", "insert", "delete", "repeat", "cut"]),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=6)
        | st.sampled_from([b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7]),
    ),
    min_size=1,
    max_size=4,
)


def edited(content, edits):
    content = bytearray(content)
    for kind, where, new in edits:
        place, length = int(where * len(content)), len(new)
        match kind:
            case "set":
                content[place : place + length] = new
            case "insert":
                content[place:place] = new
            case "delete":
                del content[place : place + length**2]
            case "repeat":
                content[place:place] = content[place : place + length**2]
            case "cut":
                del content[place:]
    return bytes(content)


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(parts):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, part in parts.items():
            file.writestr(name, part)
    return content.getvalue()


@st.composite
def damaged(draw, contents):
    """An edited file, or one of zip with an edited member and the right checksums."""
    content, edits = draw(st.sampled_from(contents)), draw(EDITS)
    if not zipfile.is_zipfile(io.BytesIO(content)) or draw(st.booleans()):
        return edited(content, edits)
    parts = members(content)
    name = draw(st.sampled_from(sorted(parts)))
    return zipped(parts | {name: edited(parts[name], edits)})


def saved(save, **values):
    content = io.BytesIO()
    save(content, **values)
    return content.getvalue()


STATISTICS = {
    "mu": np.zeros(3),
    "sigma": np.eye(3),
    "n": 4,
    "features": np.ones((4, 3), np.float32),
    "image_size": (5, 4),
    "weights": "w",
    "resize": "bilinear",
    "precision": "float32",
}

ANYTHING = arrays.arrays(
    st.sampled_from(
        [np.float64, np.float16, np.int8, np.uint64, np.complex64, np.bool_, "U2", "S2", "M8[s]"]
    ),
    st.sampled_from([(), (0,), (2,), (3,), (3, 3), (4, 3), (1, 1, 1)]),
)


@st.composite
def replaced(draw):
    """Statistics of which some arrays are others, or missing."""
    changes = draw(st.dictionaries(st.sampled_from(sorted(STATISTICS)), ANYTHING, min_size=1, max_size=2))
    left_out = draw(st.sets(st.sampled_from(sorted(STATISTICS)), max_size=2))
    values = {name: value for name, value in (STATISTICS | changes).items() if name not in left_out}
    return saved(draw(st.sampled_from([np.savez, np.savez_compressed])), **values)


def try_out(read, inputs, path, check=lambda result: None):
    """Reads one file after the other; each is read, or refused in one short line."""
    tried, refused, end = 0, 0, time.monotonic() + SECONDS

    @settings(
        max_examples=500,
        deadline=None,
        derandomize=False,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(content=inputs)
    def once(content):
        nonlocal tried, refused
        path.write_bytes(content)
        tried += 1
        said = None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                check(read(path))
            except ValueError as error:
                said = str(error)
        if said is not None:
            refused += 1
            assert said.startswith(str(path))
            assert "\n" not in said
            assert len(said) < len(str(path)) + 400

    while time.monotonic() < end:
        once()
    print(f"{path.name}: {tried:,} files, {refused:,} refused")
    assert refused > 0


def check_statistics(found):
    mean, covariance = found.moments.mean, found.moments.covariance
    assert np.isfinite(mean).all()
    assert np.linalg.eigvalsh(covariance).min() >= -1e-5 * np.abs(np.trace(covariance)) - 1e-300
    assert found.moments.n is None or found.moments.n >= 2
    assert found.features is None or np.isfinite(found.features).all()
    assert all(isinstance(value, str) for value in (found.weights, found.resize, found.precision))


def test_statistics(tmp_path):
    contents = [saved(save, **STATISTICS) for save in (np.savez, np.savez_compressed)]
    try_out(
        evaluate.load_statistics, damaged(contents) | replaced(), tmp_path / "s.npz", check=check_statistics
    )


def test_tensors_of_pytorch(tmp_path):
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    tree = {"a": Tensor("0", numbers), "b": {"c": Tensor("1", np.int64([7])), "d": Tensor("0", numbers)}}
    contents = [write(tmp_path / write.__name__, tree).read_bytes() for write in (archive, legacy)]
    try_out(read_tensors, damaged(contents), tmp_path / "weights.pth")


def test_converted_weights(tmp_path):
    layers = {"conv_00": {"kernel": np.zeros((1, 1, 2, 3), np.float32), "bias": np.zeros(3, np.float32)}}
    try_out(read_layers, damaged([serialization.msgpack_serialize(layers)]), tmp_path / "inception.msgpack")


def test_weights_of_vgg16(tmp_path):
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    tree = {"VGG16_0": {"Conv_0": {"kernel": numbers}}, "NetLinLayer_0": {"Conv_0": {"kernel": numbers}}}
    contents = [pickle.dumps(tree, protocol) for protocol in (2, 3, 4)]
    try_out(load_vgg16, damaged(contents), tmp_path / "vgg16.ckpt")
