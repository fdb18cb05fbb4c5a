import json
import statistics

import numpy as np
import pytest

from jaxvae.report import Row, summarize, write_results


def test_summary_is_mean_and_sample_deviation():
    values = [0.5, 0.75, 0.9]
    summary = summarize([{"ssim": np.float32(v), "bce": 100 + v} for v in values])
    assert list(summary) == ["ssim", "bce"]
    assert summary["bce"]["n"] == 3
    assert summary["bce"]["mean"] == pytest.approx(100 + statistics.mean(values))
    assert summary["bce"]["std"] == pytest.approx(statistics.stdev(values))
    assert summary["ssim"]["std"] == pytest.approx(statistics.stdev(values), rel=1e-6)


def test_one_seed_has_no_deviation():
    assert summarize([{"bce": 101}]) == {"bce": {"mean": 101.0, "std": None, "n": 1}}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_hides_the_mean(bad):
    assert summarize([{"bce": bad}, {"bce": 1.0}]) == {"bce": {"mean": None, "std": None, "n": 2}}


def test_seeds_must_agree_on_their_metrics():
    with pytest.raises(ValueError, match=r"0 and 1 differ in mse"):
        summarize([{"bce": 1.0}, {"bce": 1.0, "mse": 2.0}])
    with pytest.raises(ValueError, match="at least one seed"):
        summarize([])


def write(path, rows):
    return write_results(
        path, experiment="toy", command="python -m toy", wall_seconds=3, training_seconds=2, rows=rows
    )


def test_file_has_exactly_the_promised_shape(tmp_path):
    row = Row(name="a", metrics=summarize([{"fid": 2.0}]), published={"fid": 1.5}, note="n")
    path = write(tmp_path / "new" / "results.json", [row, Row(name="b", metrics={})])
    assert json.loads(path.read_text()) == {
        "experiment": "toy",
        "command": "python -m toy",
        "wall_seconds": 3.0,
        "training_seconds": 2.0,
        "rows": [
            {
                "name": "a",
                "metrics": {"fid": {"mean": 2.0, "std": None, "n": 1}},
                "published": {"fid": 1.5},
                "note": "n",
            },
            {"name": "b", "metrics": {}, "published": {}, "note": ""},
        ],
    }
    assert Row(**json.loads(path.read_text())["rows"][0]) == row


def test_a_summary_of_all_rows_stands_beside_them(tmp_path):
    options = {"experiment": "toy", "command": "c", "wall_seconds": 1, "training_seconds": 1, "rows": []}
    path = write_results(
        tmp_path / "results.json", **options, summary={"rho": np.float32(0.5), "none": float("nan")}
    )
    assert json.loads(path.read_text())["summary"] == {"rho": 0.5, "none": None}


def test_a_refused_write_leaves_the_former_file_and_nothing_else(tmp_path):
    path = write(tmp_path / "results.json", [])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="finite or None"):
        write(path, [Row(name="a", metrics={}, published={"fid": float("nan")})])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_rename_leaves_no_partial_file(tmp_path):
    (tmp_path / "results.json").mkdir()
    with pytest.raises(OSError, match=r"results\.json"):
        write(tmp_path / "results.json", [])
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
