"""The whole program with processes that answer at once; no PyTorch is needed."""

import collections
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from stand_ins import PEAK, PROOF, RATE, Processes

from benchmarks import contest, figure, files, rows, tables, throughput
from benchmarks.flags import Config, settings
from benchmarks.processes import BenchmarkError

ROOT = Path(__file__).parents[2]
KEYS = {
    "model",
    "batch_size",
    "precision",
    "device",
    "replicas",
    "ours_ms",
    "torch_ms",
    "ratio",
    "ratio_low",
    "ratio_high",
    "floor_ms",
}


def seconds(contestant):
    """Of a step: ours 1 ms and slower with kept pages, PyTorch's best 2 ms by a DataLoader in a compiled variant."""
    if contestant.side == "ours":
        return 1e-3 * contestant.replicas * (1 + 0.5 * contestant.keep_pages)
    slow = 1 + (contestant.compile is None) + contestant.channels_last + contestant.keep_pages
    return 2e-3 * slow * (1 if contestant.loader_workers == 0 else 1.25)


@pytest.fixture
def machine(monkeypatch):
    """Stand-ins for every process, and the answers of those that are asked one question."""
    processes = Processes(seconds)
    answers = {"prove": dict(PROOF), "describe": {"jax_devices": ["cuda: X"], "torch_device": "X"}}
    monkeypatch.setattr(contest, "PAUSE", 0.001)
    monkeypatch.setattr(contest, "start", processes)
    monkeypatch.setattr(throughput, "ask", lambda question, device, threads: answers[next(iter(question))])
    monkeypatch.setattr(throughput, "find_spec", lambda name: object())
    monkeypatch.setattr(files, "version", lambda name: "1.0")
    return answers


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_json_has_a_row_for_every_combination(machine, tmp_path, capsys, device):
    out = tmp_path / "out.json"
    config = Config(
        out=out,
        figure=tmp_path / "bars.png",
        device=device,
        model=("ladder", "horses"),
        batch_size=(32, 64),
        precision=("float32", "bfloat16"),
        seeds=(1, 8),
        starts=3,
        rounds=2,
    )
    throughput.main(config)
    results = json.loads(out.read_text())
    assert set(results) == {"machine", "versions", "flags", "rows"}
    assert len(results["rows"]) == 2 * 2 * 2 * 2
    row = results["rows"][1]
    assert set(row) >= KEYS
    assert (row["replicas"], row["batch_size"]) == (8, 32)
    assert row["ours_ms"] == pytest.approx(8)
    assert row["torch_ms"]["compile"] == pytest.approx(8 * 2 * 1.25)
    assert row["torch_ms"]["eager, channels_last"] == pytest.approx(8 * 2 * 1.25 * 3)
    assert row["screening_ms"]["compile"] == pytest.approx(8 * 2 * 1.25)
    assert row["torch_variant"] == "compile, DataLoader 0"
    assert [row[key] for key in ("ratio", "ratio_low", "ratio_high")] == pytest.approx([2, 2, 2])
    assert row["floor_ms"] == pytest.approx(1e3 * PROOF["flops"] * 32 * 8 / RATE)
    assert row["images_per_second"] == pytest.approx(32 / 1e-3)
    assert row["proof"] == PROOF
    assert set(row["rounds_ms"]) == {"8 replicas", "compile, DataLoader 0"}
    assert [len(start) for start in row["rounds_ms"]["8 replicas"]] == [2, 2, 2]
    assert "| ladder | 32" in capsys.readouterr().out
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


def test_every_variant_near_the_best_is_in_the_final(machine, monkeypatch, tmp_path):
    """One that the screening puts second wins the final; one far behind is not in it."""
    times = {"compile": 1.0, "compile, channels_last": 1.1, "jaxvae": 0.5, "jaxvae, kept pages": 0.55}
    turns = collections.Counter()

    def changing(contestant):
        turns[contestant.name] += 1
        final = turns[contestant.name] > rows.SCREENING
        return 0.9 if final and contestant.channels_last else times.get(contestant.name, 2.0)

    monkeypatch.setattr(contest, "start", Processes(changing))
    out = tmp_path / "out.json"
    throughput.main(Config(out=out, starts=2, rounds=2))
    (row,) = json.loads(out.read_text())["rows"]
    assert set(row["rounds_ms"]) == set(times)
    assert row["torch_variant"] == "compile, channels_last"
    assert row["ratio"] == pytest.approx(0.9 / 0.5)
    assert row["torch_ms"]["compile, channels_last"] == pytest.approx(900)
    assert row["screening_ms"]["compile, channels_last"] == pytest.approx(1100)
    assert row["torch_ms"]["eager"] == pytest.approx(2000)


@pytest.mark.parametrize("kept", [False, True])
def test_a_row_says_allocator_and_memory_of_both_sides(machine, monkeypatch, tmp_path, capsys, kept):
    """Of the variants whose times it has: PyTorch's best keeps its pages, ours does if it is faster so."""

    def each(contestant):
        faster = contestant.keep_pages == (kept if contestant.side == "ours" else True)
        return 1e-3 if faster else 2e-3

    monkeypatch.setattr(contest, "start", Processes(each))
    out = tmp_path / "out.json"
    throughput.main(Config(out=out, starts=2, rounds=1))
    (row,) = json.loads(out.read_text())["rows"]
    own = "kept pages" if kept else "system"
    assert (row["ours_allocator"], row["torch_allocator"]) == (own, "kept pages")
    assert (row["ours_peak_bytes"], row["torch_peak_bytes"]) == (PEAK["ours"], PEAK["torch"])
    assert row["memory_ratio"] == pytest.approx(0.5)
    head, _, line = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in capsys.readouterr().out.splitlines()[-3:]
    )
    found = dict(zip(head, line, strict=True))
    assert (found["ours allocator"], found["PyTorch allocator"]) == (own, "kept pages")
    assert (found["ours MB"], found["PyTorch MB"], found["MB ratio"]) == ("8", "4", "0.50")


def test_tpu_has_no_opponent(machine, tmp_path, capsys):
    out = tmp_path / "out.json"
    throughput.main(Config(out=out, device="tpu", rounds=1, figure=tmp_path / "bars.png"))
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["torch_ms"], row["ratio"], row["torch_variant"]) == ({}, None, None)
    assert (row["torch_allocator"], row["torch_peak_bytes"], row["memory_ratio"]) == (None, None, None)
    assert capsys.readouterr().out.splitlines()[-1].count(" - ") == 6


def test_rows_of_what_runs_are_written_though_more_replicas_do_not(machine, monkeypatch, tmp_path):
    monkeypatch.setattr(contest, "start", Processes(seconds, lambda c: c.replicas == 32))
    out = tmp_path / "out.json"
    throughput.main(Config(out=out, seeds=(1, 32), rounds=1))
    (row,) = json.loads(out.read_text())["rows"]
    assert row["replicas"] == 1
    assert row["failed"]["32 replicas"] == "RuntimeError: no compiler"
    monkeypatch.setattr(contest, "start", Processes(seconds, lambda c: c.side == "ours"))
    with pytest.raises(BenchmarkError, match="jaxvae does not run: RuntimeError: no compiler"):
        throughput.main(Config(out=tmp_path / "none.json", rounds=1))


def test_different_work_is_refused_before_timing(machine, tmp_path):
    machine["prove"]["passed"] = False
    with pytest.raises(BenchmarkError, match="do not compute the same"):
        throughput.main(Config(out=tmp_path / "out.json"))
    assert not (tmp_path / "out.json").exists()


def test_finished_settings_survive_an_interrupt(machine, monkeypatch, tmp_path):
    out = tmp_path / "out.json"

    def stop(base, *rest, **options):
        if base.precision == "bfloat16":
            raise KeyboardInterrupt
        return measure(base, *rest, **options)

    measure = throughput.measure
    monkeypatch.setattr(throughput, "measure", stop)
    with pytest.raises(KeyboardInterrupt):
        throughput.main(Config(out=out, precision=("float32", "bfloat16"), rounds=1))
    assert [row["precision"] for row in json.loads(out.read_text())["rows"]] == ["float32"]


def test_batch_sizes_are_the_models_own_unless_given(tmp_path):
    found = settings(Config(out=tmp_path / "x", model=("ladder", "horses")))
    assert [(c.model, c.batch_size) for c in found] == [("ladder", 128), ("horses", 64)]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"precision": ("tensorfloat32",)}, "precision on cpu must be one of float32, bfloat16"),
        ({"batch_size": (0,)}, "must be >= 1, got 0"),
        ({"seeds": ()}, "at least one value each"),
        ({"starts": 1}, "starts must be >= 2"),
        ({"seconds": 0.0}, "seconds positive"),
    ],
)
def test_config_refuses(tmp_path, flags, said):
    with pytest.raises(ValueError, match=said):
        throughput.main(Config(out=tmp_path / "x", **flags))


def test_missing_pytorch_is_said_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(throughput, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs PyTorch; install it with: pip install -e \"\.\[bench\]\""):
        throughput.main(Config(out=tmp_path / "out.json"))


@pytest.mark.parametrize("jax_finds_it", [True, False])
def test_missing_gpu_is_said_in_one_line(machine, monkeypatch, tmp_path, jax_finds_it):
    def ask(question, device, threads):
        if jax_finds_it:
            return {"jax_devices": ["cuda: X"], "torch_device": None}
        raise BenchmarkError("RuntimeError: Unable to initialize backend 'cuda'")

    monkeypatch.setattr(throughput, "ask", ask)
    with pytest.raises(ValueError, match="finds no gpu here"):
        throughput.main(Config(out=tmp_path / "out.json", device="gpu"))


def test_output_is_checked_first(machine, tmp_path):
    taken = tmp_path / "taken.json"
    taken.write_text("precious")
    with pytest.raises(ValueError, match="exists; name another file or give --overwrite"):
        throughput.main(Config(out=taken))
    with pytest.raises(ValueError, match="a folder that exists"):
        throughput.main(Config(out=tmp_path / "missing" / "out.json"))
    assert taken.read_text() == "precious"


def test_command_line_ends_with_one_line_and_status_2(tmp_path):
    command = [
        sys.executable,
        "-m",
        "benchmarks.throughput",
        "--precision",
        "tensorfloat32",
        "--out",
        "x.json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: precision on cpu must be one of float32, bfloat16, got 'tensorfloat32'."
    ]


def test_figure_is_drawn_again_from_the_file(machine, tmp_path, capsys):
    out, png = tmp_path / "out.json", tmp_path / "bars.png"
    throughput.main(Config(out=out, rounds=2))
    assert figure.main([str(out), str(png)]) == 0
    with Image.open(png) as once:
        assert figure.main([str(out), str(out), str(png)]) == 0
        with Image.open(png) as twice:
            assert twice.height > once.height
    assert figure.main([str(png), str(out)]) == 2
    assert "error: expected files of benchmarks.throughput" in capsys.readouterr().err


def test_table_columns_are_aligned():
    lines = tables.grid([("a", "bb"), ("ccc", "d")]).splitlines()
    assert lines == ["| a   | bb |", "|-----|----|", "| ccc | d  |"]
