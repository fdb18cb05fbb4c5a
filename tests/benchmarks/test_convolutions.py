import builtins
import re
import runpy
import sys

import jax
import pytest

from benchmarks import convolutions
from benchmarks.convolutions import SHAPES, Config, Shape
from jaxvae.models.layouts import LAYOUTS
from jaxvae.models.layouts.geometry import conv_padding, conv_size

TINY = Config(batch_size=2, repeats=1, loops=1)
SHAPE = Shape(channels=2, size=6, features=3, kernel=4, stride=2)


def rows(printed):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines()]


def without_torch(monkeypatch):
    found = builtins.__import__

    def find(name, *rest):
        if name == "torch":
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", find)


def test_the_table_has_a_line_for_each_shape_and_a_time_for_each_side(monkeypatch, capsys):
    monkeypatch.setattr(convolutions, "SHAPES", (SHAPE, SHAPE._replace(kernel=1, stride=1)))
    without_torch(monkeypatch)
    convolutions.main(TINY)
    head, _, first, second = rows(capsys.readouterr().out)
    assert head == ["convolution", *(f"{name} ms" for name in LAYOUTS), "PyTorch ms"]
    assert first[0] == "6x6x2 -> 3, kernel 4, stride 2"
    assert second[0] == "6x6x2 -> 3, kernel 1, stride 1"
    for _, *times, torch in (first, second):
        assert torch == "-"
        assert all(float(time) >= 0 for time in times)


def test_the_quickest_repeat_counts_and_the_first_call_does_not(monkeypatch):
    clock = iter([0.0, 8.0, 10.0, 14.0, 20.0, 26.0])
    calls = []
    monkeypatch.setattr(convolutions.time, "perf_counter", lambda: next(clock))
    seconds = convolutions._seconds(lambda: calls.append(None), Config(repeats=3, loops=2))
    assert seconds == 2.0
    assert len(calls) == 4


@pytest.mark.parametrize("name", LAYOUTS)
def test_ours_computes_value_and_both_gradients_in_every_turn(monkeypatch, name):
    traced = []

    def loop(start, stop, body, carry):
        traced.append((stop - start, str(jax.make_jaxpr(lambda carry: body(start, carry))(carry))))
        return carry

    monkeypatch.setattr(convolutions.lax, "fori_loop", loop)
    convolutions.ours(SHAPE, name, Config(batch_size=2, repeats=1, loops=5))
    ((turns, jaxpr),) = traced
    assert turns == 5
    assert len(re.findall(r"= (?:dot_general|conv_general_dilated)\[", jaxpr)) == 3


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pytorch_is_given_the_same_convolution(monkeypatch, shape):
    torch = pytest.importorskip("torch")
    convolve, seen = torch.nn.functional.conv2d, []

    def record(x, kernel, **geometry):
        y = convolve(x, kernel, **geometry)
        seen.append((tuple(x.shape), tuple(kernel.shape), tuple(y.shape)))
        return y

    monkeypatch.setattr(torch.nn.functional, "conv2d", record)
    assert convolutions.opponent(shape, TINY) > 0
    square, stride = (shape.kernel,) * 2, (shape.stride,) * 2
    padding = conv_padding((shape.size,) * 2, square, stride, "SAME")
    out = conv_size((shape.size,) * 2, square, stride, padding)
    images, kernel = (2, shape.channels, shape.size, shape.size), (shape.features, shape.channels, *square)
    assert seen == [(images, kernel, (2, shape.features, *out))] * 2


@pytest.mark.parametrize("flag", ["batch-size", "repeats", "loops"])
def test_a_number_below_one_is_refused_in_one_line(monkeypatch, capsys, flag):
    monkeypatch.setattr(sys, "argv", ["convolutions", f"--{flag}", "0"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(convolutions.__file__, run_name="__main__")
    assert end.value.code == 2
    assert capsys.readouterr().err == f"error: {flag.replace('-', '_')} must be at least 1, got 0.\n"
