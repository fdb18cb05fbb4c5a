import json

import pytest

from benchmarks import epoch_sides, epochs


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(epoch_sides, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install -e "\.\[bench\]"'):
        epochs.main(epochs.Config())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"images": 0}, "at least 1"),
        ({"rounds": 0}, "at least 1"),
        ({"batch_size": 0}, "at least 1"),
        ({"loader_workers": ()}, "loader workers be given"),
        ({"loader_workers": (0, -1)}, "must be >= 0, got -1"),
        ({"images": 250}, "divisible by the batch size, got 250 and 100"),
        ({"images": 60_100}, "at most 60,000"),
    ],
)
def test_numbers_that_make_no_benchmark_are_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        epochs.Config(**flags)


def test_a_small_contest_is_written_and_printed(tmp_path, capsys):
    pytest.importorskip("torch")
    pytest.importorskip("pythae")
    out = tmp_path / "epochs.json"
    epochs.main(epochs.Config(out=out, images=600, rounds=2, loader_workers=(0,)))
    results = json.loads(out.read_text())
    ours, theirs = results["rows"]
    assert [ours["library"], theirs["library"]] == ["jaxvae", "pythae"]
    assert all(len(row["seconds"]) == 2 and min(row["seconds"]) > 0 for row in (ours, theirs))
    assert theirs["loss"] == pytest.approx(ours["loss"], rel=0.1)
    assert 0 < results["ratio"][0] <= results["ratio"][1] <= results["ratio"][2]
    assert "times as fast as pythae's" in capsys.readouterr().out


def test_the_table_has_a_line_for_each():
    rows = [
        {"library": "jaxvae", "loader_workers": 0, "seconds": [3.0, 1.0, 2.0], "loss": 120.04},
        {"library": "pythae", "loader_workers": 2, "seconds": [9.0, 8.0, 7.0], "loss": 121.0},
    ]
    head, _, *lines = epochs.table(rows).splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")][2:] == ["s an epoch", "range", "loss"]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells == [["jaxvae", "-", "2.0", "1.0-3.0", "120.0"], ["pythae", "2", "8.0", "7.0-9.0", "121.0"]]
