"""Files are written by hand in PyTorch's formats, so that no PyTorch is needed; with it, also by itself."""

import io
import os
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from jaxvae.evaluate.torch_files import read_tensors


class Storage:
    """Pickled as a reference, as PyTorch does it."""

    def __init__(self, key, array):
        self.key, self.array = key, array


class Tensor:
    def __init__(self, key, array, *, offset=0, shape=None, strides=None):
        self.storage = Storage(key, array)
        steps = tuple(step // array.itemsize for step in array.strides)
        self.view = (offset, shape or array.shape, steps if strides is None else strides)

    def __reduce__(self):
        arguments = (self.storage, *self.view, False, OrderedDict())
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """Modules that a pickle may name, so that a pickler finds what it writes."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    for name in ("torch", "torch._utils", "__torch__", "elsewhere"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))

    def define(module, name, value):
        value.__module__, value.__qualname__ = module, name
        setattr(sys.modules[module], name, value)
        return value

    define("torch._utils", "_rebuild_tensor_v2", lambda *_: None)
    define("torch", "FloatStorage", type("FloatStorage", (), {}))
    define("torch", "LongStorage", type("LongStorage", (), {}))
    return define


def dumps(tree):
    """Pickles, and collects the storages that are referred to."""
    storages = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Storage):
                return None
            storages[value.key] = value.array
            kind = "FloatStorage" if value.array.dtype == np.float32 else "LongStorage"
            return ("storage", getattr(sys.modules["torch"], kind), value.key, "cpu", value.array.size)

    file = io.BytesIO()
    Pickler(file, 2).dump(tree)
    return file.getvalue(), storages


def archive(path, tree, *, leave_out=()):
    pickled, storages = dumps(tree)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/data.pkl", pickled)
        for key, array in storages.items():
            if key not in leave_out:
                file.writestr(f"model/data/{key}", array.tobytes())
    return path


def legacy(path, tree, *, magic=0x1950A86A20F9469CFC6C):
    pickled, storages = dumps(tree)
    with path.open("wb") as file:
        for head in (magic, 1001, {"little_endian": True}):
            pickle.dump(head, file, 2)
        file.write(pickled)
        pickle.dump(list(storages), file, 2)
        for array in storages.values():
            file.write(struct.pack("<q", array.size) + array.tobytes())
    return path


@pytest.fixture
def state():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(2, 3)).astype(np.float32)
    return OrderedDict(
        {
            "conv.weight": Tensor("0", numbers),
            "conv.view": Tensor("1", numbers, offset=1, shape=(2, 2), strides=(1, 3)),
            "bn.num_batches_tracked": Tensor("2", np.int64(7).reshape(())),
        }
    ), numbers


@pytest.mark.parametrize("write", [archive, legacy])
def test_state_dictionary(tmp_path, state, write):
    tree, numbers = state
    actual = dict(read_tensors(write(tmp_path / "weights.pth", tree)))
    assert list(actual) == list(tree)
    np.testing.assert_array_equal(actual["conv.weight"], numbers)
    np.testing.assert_array_equal(actual["conv.view"], numbers.ravel()[[[1, 4], [2, 5]]])
    assert (actual["bn.num_batches_tracked"].dtype, actual["bn.num_batches_tracked"]) == (np.int64, 7)


def test_modules_of_an_archive_are_walked_in_their_order(tmp_path, names):
    module = names("__torch__", "Net", type("Net", (), {}))
    net, inner = module(), module()
    one, two = np.float32([1, 2]), np.float32([3])
    inner.weight, inner.training = Tensor("0", one), False
    net.b, net.a = inner, Tensor("1", two)
    actual = read_tensors(archive(tmp_path / "net.pt", net))
    assert [(name, array.tolist()) for name, array in actual] == [("b.weight", [1, 2]), ("a", [3])]


@pytest.mark.parametrize("write", [archive, legacy])
def test_nothing_but_tensors_is_made(tmp_path, write):
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    with pytest.raises(ValueError, match=r"asks for (posix|nt)\.mkdir, which is no tensor") as error:
        read_tensors(write(tmp_path / "evil.pth", {"a": Evil()}))
    assert not marker.exists()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "view",
    [
        {"shape": (3, 3)},
        {"offset": 1},
        {"offset": -1},
        {"strides": (3, 2)},
        {"strides": (-1, 1)},
        {"shape": (10**9, 10**9), "strides": (0, 0)},
    ],
    ids=str,
)
def test_a_tensor_stays_within_its_storage(tmp_path, view):
    numbers = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match="reaches beyond its storage"):
        read_tensors(archive(tmp_path / "w.pth", {"a": Tensor("0", numbers, **view)}))


@pytest.mark.parametrize("write", [archive, legacy])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
def test_a_truncated_file_is_one_line(tmp_path, state, write, share):
    path = write(tmp_path / "weights.pth", state[0])
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="no whole file of PyTorch tensors") as error:
        read_tensors(path)
    assert "\n" not in str(error.value)


def test_code_that_pytorch_compresses_is_passed_over(tmp_path, state):
    path = archive(tmp_path / "module.pt", state[0])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("module/code/network.py", "def forward(self): ...\n" * 100)
    assert [name for name, _ in read_tensors(path)] == [
        name for name, _ in read_tensors(archive(tmp_path / "w", state[0]))
    ]


def test_trees_without_end_and_compressed_archives_are_one_line(tmp_path, state):
    endless = {}
    endless["again"] = endless
    path = archive(tmp_path / "compressed.pt", state[0])
    with zipfile.ZipFile(path) as plain:
        content = {name: plain.read(name) for name in plain.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            file.writestr(name, data)
    for damaged in (legacy(tmp_path / "l", endless), archive(tmp_path / "a", endless), path):
        with pytest.raises(ValueError, match="no whole file of PyTorch tensors") as error:
            read_tensors(damaged)
        assert "\n" not in str(error.value)


def test_other_files_are_one_line(tmp_path, state):
    for name, content in {"text": b"hello\n", "number": pickle.dumps(3), "noise": bytes(range(256))}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="no whole file of PyTorch tensors"):
            read_tensors(tmp_path / name)
    with pytest.raises(ValueError, match="no whole file"):
        read_tensors(legacy(tmp_path / "magic", state[0], magic=5))
    with pytest.raises(ValueError, match="no whole file"):
        read_tensors(archive(tmp_path / "incomplete", state[0], leave_out=["0"]))
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "pipe"):
        with pytest.raises(ValueError, match="cannot be read"):
            read_tensors(path)
