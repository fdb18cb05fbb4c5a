import base64
import dataclasses
import io
import json
import math
import re
import shlex
import shutil
import sys

import numpy as np
import pytest
from PIL import Image
from small_runs import EPOCH, SMALL, contents, error_line, one_epoch_less, run, steps

import jaxvae
from experiments import vlae_mnist
from jaxvae import cli, data

VARIANTS = ["without SSIM", "with SSIM"]
FIGURES = {
    "curves",
    "embeddings",
    "graph",
    "reconstructions",
    "samples",
    "traversal_fixed",
    "traversal_redrawn",
}
TERMS = {"reconstruction", "ssim_loss", "mmd", "kl"}
HEAD = {"variant": str, "seed": int, "epoch": int, "step": int, "split": str}


def _records(workdir):
    def refuse(constant):
        raise AssertionError(f"{constant} in metrics.jsonl")

    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def _results(workdir):
    return json.loads((workdir / "results.json").read_text())


def _means(workdir):
    return {
        row["name"]: {name: value["mean"] for name, value in row["metrics"].items()}
        for row in _results(workdir)["rows"]
    }


def test_a_run_leaves_these_files_and_no_others(finished):
    workdir, _ = finished
    assert {entry.name for entry in workdir.iterdir()} == {
        "config.json",
        "metrics.jsonl",
        "results.json",
        "report.html",
        "figures",
        "checkpoints",
        "tensorboard",
    }
    assert steps(workdir) == [EPOCH, 2 * EPOCH, 3 * EPOCH]
    assert {file.name for file in (workdir / "figures").iterdir()} == {f"{name}.png" for name in FIGURES}
    events = list((workdir / "tensorboard").rglob("events.out.tfevents.*"))
    assert {file.parent.name for file in events} == {"without_SSIM-seed0", "with_SSIM-seed0"}


def test_the_screen_shows_progress_table_and_report(finished):
    workdir, done = finished
    assert re.search(r"epoch 3/3: 100%.*img/s.*loss \d+\.\d/\d+\.\d", done.stderr)
    assert "| with SSIM |" in done.stdout
    assert done.stdout.endswith(f"Report: {workdir}/report.html\n")
    assert "Warning" not in done.stderr


def test_the_configuration_is_enough_to_run_again(finished):
    workdir, _ = finished
    record = json.loads((workdir / "config.json").read_text())
    assert record["experiment"] == "vlae_mnist"
    assert record["command"] == f"python -m experiments.vlae_mnist {SMALL} --workdir {workdir}"
    assert record["config"].keys() == cli.flat(vlae_mnist.Config()).keys()
    assert (record["config"]["limit"], record["config"]["widths"]) == (240, [4, 4])
    assert record["model"]["widths"] == [4, 4]
    replicas = [(replica["variant"], replica["seed"]) for replica in record["replicas"]]
    assert replicas == [(name, 0) for name in VARIANTS]
    assert record["replicas"][0]["hyper"] == {"ssim_loss": 0.0}
    assert record["replicas"][1]["hyper"] == {"ssim_loss": record["config"]["ssim"]}
    assert record["data"]["fingerprint"] == data.load("mnist", split="train", limit=240).spec.fingerprint
    assert record["environment"]["devices"] == ["cpu: cpu"]


def test_metrics_are_recorded_by_variant_seed_split_and_step(finished):
    records = _records(finished[0])
    for record in records:
        assert {name: type(record[name]) for name in HEAD} == HEAD
        numbers = {name: value for name, value in record.items() if name not in HEAD}
        assert all(isinstance(value, float) and math.isfinite(value) for value in numbers.values())
        assert numbers.keys() >= TERMS
    found = {(r["variant"], r["split"], r["epoch"], r["step"]) for r in records}
    ends = [(epoch, epoch * EPOCH) for epoch in (1, 2, 3)]
    middles = [(epoch, (epoch - 1) * EPOCH + 50) for epoch in (1, 2, 3)]
    expected = {(v, s, *at) for v in VARIANTS for s in ("train", "validation") for at in ends}
    assert found == expected | {(v, "train", *at) for v in VARIANTS for at in middles}
    assert len(records) == len(found)
    assert {record["seed"] for record in records} == {0}


def test_training_lowers_the_loss(finished):
    for variant in VARIANTS:
        losses = [
            r["loss"] for r in _records(finished[0]) if (r["variant"], r["split"]) == (variant, "train")
        ]
        assert losses[-1] < 0.9 * losses[0]


def test_the_variants_differ_in_the_weight_of_one_term(finished):
    first, second = _records(finished[0])[:2]
    assert first["ssim_loss_weighted"] == 0
    weight = vlae_mnist.LossConfig().ssim
    assert second["ssim_loss_weighted"] == pytest.approx(weight * second["ssim_loss"], rel=1e-4)
    for record in (first, second):
        assert sum(record[f"{name}_weighted"] for name in TERMS) == pytest.approx(record["loss"], rel=1e-4)


def test_results_have_the_documented_shape(finished):
    workdir, _ = finished
    results = _results(workdir)
    assert results.keys() == {"experiment", "command", "wall_seconds", "training_seconds", "rows"}
    assert results["experiment"] == "vlae_mnist"
    assert results["wall_seconds"] > results["training_seconds"] > 0
    assert [row["name"] for row in results["rows"]] == VARIANTS
    for row in results["rows"]:
        assert row.keys() == {"name", "metrics", "published", "note"}
        assert row["metrics"].keys() >= TERMS | {"ssim", "mse", "bce", "sharpness_ratio", "mmd_floor"}
        levels = {f"{name}_z{level}" for name in ("active_units", "kl", "mmd") for level in (1, 2)}
        assert row["metrics"].keys() >= levels
        for value in row["metrics"].values():
            assert value.keys() == {"mean", "std", "n"}
            assert math.isfinite(value["mean"])
            assert (value["std"], value["n"]) == (None, 1)


def test_results_are_those_of_the_last_epoch(finished):
    workdir, _ = finished
    for record in _records(workdir)[-2:]:
        assert record["split"] == "validation"
        for name in TERMS:
            assert _means(workdir)[record["variant"]][name] == record[name]


def test_the_report_needs_nothing_but_itself(finished):
    workdir, _ = finished
    page = (workdir / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)=["']([^"']*)|url\(([^)]*)\)|@import\s+(\S+)""", page)
    assert len(sources) >= len(FIGURES)
    assert all("".join(source).startswith(("data:", "#")) for source in sources)
    assert not re.search(r"https?://", page)
    embedded = {base64.b64decode(code) for code in re.findall(r"data:image/png;base64,([^\"']+)", page)}
    assert embedded == {file.read_bytes() for file in (workdir / "figures").iterdir()}
    assert "python -m experiments.vlae_mnist" in page
    for name in VARIANTS:
        assert name in page


def test_figures_are_pictures_of_something(finished):
    for content in contents(finished[0] / "figures").values():
        picture = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
        assert min(picture.shape) >= 300
        assert picture.std() > 5


def _leaves(config):
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from _leaves(value)
        else:
            yield field.name, value


@pytest.mark.parametrize("preset", list(vlae_mnist.PRESETS))
def test_help_explains_every_flag_with_its_default(monkeypatch, capsys, preset):
    monkeypatch.setattr(sys, "argv", ["vlae_mnist", "--preset", preset, "--help"])
    monkeypatch.setenv("COLUMNS", "100")  # Wider ones are set in two columns.
    with pytest.raises(SystemExit) as end:
        cli.launch(vlae_mnist.main, vlae_mnist.PRESETS, description="")
    assert not end.value.code
    shown = " ".join(re.sub("[│╭╮╰╯─]", " ", capsys.readouterr().out).split())
    for name, value in _leaves(vlae_mnist.PRESETS[preset]()):
        default = shlex.join(map(str, value)) if isinstance(value, tuple) else str(value)
        flag = re.escape(f"--{name.replace('_', '-')}")
        text = re.search(rf" {flag}[ ,](.*?) \(default: {re.escape(default)}\)", shown)
        assert text, f"{name}, {default} is not explained"
        assert "(default:" not in text[1]
        assert len(text[1].split()) > 3


def test_a_second_run_is_refused_and_changes_nothing(launch, finished):
    workdir, _ = finished
    before = contents(workdir)
    status, out, err = launch(f"{SMALL} --workdir {workdir}")
    assert (status, out) == (2, "")
    assert err == f"{error_line(err)}\n"
    for word in (str(workdir), "--resume", "--overwrite", "--workdir"):
        assert word in err
    assert contents(workdir) == before


def test_resuming_a_finished_run_only_evaluates_it_again(launch, finished, tmp_path):
    workdir, _ = finished
    copied = tmp_path / "copied"
    shutil.copytree(workdir, copied)
    for name in ("results.json", "report.html"):
        (copied / name).unlink()
    status, _, err = launch(f"{SMALL} --workdir {copied} --resume")
    assert status == 0, err
    assert "epoch" not in err
    assert _results(copied)["rows"] == _results(workdir)["rows"]
    assert contents(copied / "checkpoints") == contents(workdir / "checkpoints")
    assert (copied / "metrics.jsonl").read_bytes() == (workdir / "metrics.jsonl").read_bytes()
    assert (copied / "report.html").exists()


def test_overwriting_starts_anew(launch, finished, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    (workdir / "notes.txt").write_text("mine")
    status, _, err = launch(f"{SMALL} --workdir {workdir} --seed 5 --epochs 1 --overwrite")
    assert status == 0, err
    assert (workdir / "notes.txt").read_text() == "mine"
    assert {record["seed"] for record in _records(workdir)} == {5}
    assert (steps(workdir), steps(finished[0])) == ([60], [60, 120, 180])
    assert max(record["step"] for record in _records(workdir)) == 60
    assert _means(workdir)["with SSIM"]["bce"] != _means(finished[0])["with SSIM"]["bce"]
    assert jaxvae.load(workdir).seed == 5


def _assert_trained_as(actual, expected):
    """Up to rounding, which another division of a batch changes."""
    assert steps(actual) == steps(expected)
    means = _means(expected)
    for variant, metrics in _means(actual).items():
        for name in TERMS | {"ssim", "bce", "mse"}:
            assert metrics[name] == pytest.approx(means[variant][name], rel=0.01), name


def test_a_process_with_two_devices_trains_as_one_with_one(finished, tmp_path):
    copied = one_epoch_less(finished[0], tmp_path / "jit")
    done = run(f"{SMALL} --workdir {copied} --resume --devices 2", devices=2)
    assert done.returncode == 0, done.stderr
    _assert_trained_as(copied, finished[0])


def test_two_devices_with_collectives_train_as_one(launch, finished, tmp_path):
    copied = one_epoch_less(finished[0], tmp_path / "pmap")
    status, _, err = launch(f"{SMALL} --workdir {copied} --resume --devices 2 --parallel pmap")
    assert status == 0, err
    _assert_trained_as(copied, finished[0])


@pytest.fixture
def other(launch, prepared, tmp_path):
    """Runs another data set and other flags: the run's directory."""

    def other(name, flags):
        common = "--batch-size 16 --epochs 2 --hidden 8"
        status, _, err = launch(
            f"{common} --data {name} --data-dir {prepared} --workdir {tmp_path / name} {flags}"
        )
        assert status == 0, err
        for metrics in _means(tmp_path / name).values():
            assert all(map(math.isfinite, metrics.values()))
        return tmp_path / name

    return other


def test_fashion_with_three_levels_and_two_seeds(other, stand_ins):
    flags = "--likelihood gaussian --kl 1 --kl-warmup 1 --ema 0.9 --clip-norm 10 --seeds 2"
    workdir = other("fashion_mnist", f"{flags} --widths 4 4 4 --latent-sizes 1 1 3")
    images, _ = stand_ins["fashion_mnist"]["test"]
    trained = jaxvae.load(workdir, seed=1)
    assert trained.seed == 1
    assert trained.reconstruct(images).shape == images.shape == (11, 28, 28, 1)
    assert [q.mean.shape for q in trained.encode(images)] == [(11, 1), (11, 1), (11, 3)]
    assert steps(workdir) == [3, 6], "50 examples fill 3 batches of 16; the remainder is dropped"
    records = _records(workdir)
    assert {(r["variant"], r["seed"]) for r in records} == {(v, seed) for v in VARIANTS for seed in (0, 1)}
    for row in _results(workdir)["rows"]:
        for name in TERMS:
            values = [r[name] for r in records[-4:] if r["variant"] == row["name"]]
            value = row["metrics"][name]
            assert value["n"] == len(values) == 2
            assert value["mean"] == pytest.approx(np.mean(values))
            assert value["std"] == pytest.approx(np.std(values, ddof=1))
            assert value["std"] > 0


def test_colour_images_with_one_level_and_a_padded_batch(other, stand_ins):
    workdir = other("cifar10", "--layout native --remainder pad --widths 4 --latent-sizes 5")
    images, _ = stand_ins["cifar10"]["test"]
    trained = jaxvae.load(workdir)
    assert trained.reconstruct(images).shape == images.shape == (12, 32, 32, 3)
    assert trained.sample(2).shape == (2, 32, 32, 3)
    assert [q.mean.shape for q in trained.encode(images)] == [(12, 5)]
    assert steps(workdir) == [3, 6], "40 examples fill 2 batches of 16 and a padded one"
