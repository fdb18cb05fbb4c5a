"""The winged horses as a user runs them, on drawn pictures and without Inception."""

import json
import shlex
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_runs

import jaxvae
from experiments.winged_horses import __main__ as winged_horses
from experiments.winged_horses import claims, page, stability, training, wings
from experiments.winged_horses.config import COMPARED, MAIN, STABILITY, VARIANTS, Config, make_variants
from jaxvae import data, losses, models, report, study
from jaxvae.types import Batch

NAMES = ["SSIM", "kernel 3", MAIN]
SMALL = (
    "--preset smoke --no-fid --limit 64 --epochs 1 --widths 8 8 --latent-size 6 --samples 8 --components 2 "
    "--second-stage-steps 3 --pairs 2 --midpoints 3 --judge-epochs 1 --judge-widths 4"
)
launch = partial(small_runs.launch, winged_horses)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "horses"
    with pytest.MonkeyPatch.context() as patch:
        assert launch(patch, f"{SMALL} --time --variants {shlex.join(NAMES)} --workdir {workdir}") == 0
    return workdir


def test_results_hold_every_row_and_every_sampler(finished):
    results = json.loads((finished / "results.json").read_text())
    names = [row["name"] for row in results["rows"]]
    directions = ("bird - horse", "bird - all others", "linear classifier", "random")
    added = [f"{strength:g} x {of}" for of in directions for strength in wings.STRENGTHS[1:]]
    assert names == [*NAMES, "linear", "spherical", "arithmetic", "midpoint", "reconstructions", *added]
    expected = {"bce", "mse", "ssim", "colour_error", "kl", "active_units", "checkerboard", "parameters"}
    expected |= {"histogram_reconstructions", "sharpness_ratio_reconstructions", "ssim_train", "ssim_gap"}
    expected |= {"epoch_seconds", "time_ratio"}
    kinds = ("histogram", "shift", "sharpness_ratio")
    expected |= {f"{what}_{sampler}" for what in kinds for sampler in claims.SAMPLERS}
    for row in results["rows"][:3]:
        assert set(row["metrics"]) == expected
        values = {name: summary["mean"] for name, summary in row["metrics"].items()}
        assert 0 <= values["histogram_mixture"] <= 1
        assert values["kl"] > 0
        assert values["ssim_gap"] == pytest.approx(values["ssim_train"] - values["ssim"])
        assert values["epoch_seconds"] > 0
    ratios = [row["metrics"]["time_ratio"]["mean"] for row in results["rows"][:3]]
    assert ratios[0] == ratios[2] == 1 != ratios[1]
    summary = results["summary"]
    assert (summary["samples"], summary["reference"], summary["reference_images"]) == (
        8,
        "test images",
        8,
    )
    assert 0 <= summary["dream_score"] <= 0.5


def test_rows_with_one_network_share_a_program(finished):
    variants = {
        path.name: [r["variant"] for r in json.loads((path / "config.json").read_text())["replicas"]]
        for path in (finished / "parts").iterdir()
    }
    assert variants == {
        "models_closed_form": ["SSIM", MAIN],
        "models_closed_form_kernel-3": ["kernel 3"],
        "judge": ["judge"],
    }


def test_pictures_and_page_are_there(finished):
    names = {path.stem for path in (finished / "figures").iterdir()}
    dreams = {"most_alike", "most_alike_parents", "best", "strips", "arithmetic", "midpoints"}
    samples = {f"samples_{sampler}" for sampler in claims.SAMPLERS}
    assert names == dreams | samples | {"reconstructions", "colours", "curves"}
    text = (finished / "report.html").read_text()
    assert text.count("<img") == len(names)
    assert "The most Pegasus-like" in text


def test_a_row_is_used_from_python(finished):
    run = jaxvae.load(finished, variant="kernel 3")
    assert run.model.kernel == 3
    assert jaxvae.load(finished).variant == MAIN
    assert run.sample(2).shape == (2, 32, 32, 3)


def test_what_measures_may_change_when_a_run_is_resumed_and_the_network_may_not(
    finished, monkeypatch, capsys
):
    command = f"{SMALL} --variants {shlex.join(NAMES)} --workdir {finished} --resume"
    assert launch(monkeypatch, f"{command} --samplers prior --no-dream") == 0
    assert not any("mixture" in key for key in json.loads((finished / "results.json").read_text())["rows"][0])
    capsys.readouterr()
    assert launch(monkeypatch, f"{command} --kernel 2") == 2
    assert "kernel" in capsys.readouterr().err


def test_all_switches_of_the_loss_train_together(monkeypatch, tmp_path):
    flags = (
        "--also ms_ssim deep_features --deep-features stopped --kl monte_carlo --no-dream --samplers prior "
        "--limit 32 --widths 4 4"
    )
    assert launch(monkeypatch, f"{SMALL} --variants '{MAIN}' {flags} --workdir {tmp_path}/run") == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert {line["split"] for line in lines} == {"train", "validation"}
    for line in lines:
        assert {"ms_ssim_loss", "deep_features", "squared_error", "kl"} <= line.keys()
        if line["split"] == "validation":
            continue
        weighted = (
            32 * 32 * 3 * (0.5 * line["ssim_loss"] + 25 * line["colour_loss"] + 0.5 * line["ms_ssim_loss"])
        )
        weighted += 32 * 32 * 3 * 0.3 * line["deep_features"] + line["kl"]
        assert line["loss"] == pytest.approx(weighted, rel=1e-3)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--image-size 20 --widths 8 8 8", "need images of 22 x 22 pixels or more, got 20 x 20"),
        ("--image-size 9", "need images of 10 x 10 pixels or more, got 9 x 9"),
        ("--image-size 10", "at least 11"),
        ("--latent-size 0", "positive sizes"),
        ("--variants MSE sepia", "Unknown variant 'sepia'; known are 'MSE', 'SSIM'"),
        ("--pair horse dragon", "got 'dragon'; known are bird, horse, house"),
        ("--classes bird dragon", "Unknown class 'dragon' of 'drawn'; known are bird, horse, house"),
        ("--variants 'convolutional latent' --latent-size 7", "must be a multiple of 36, got 7"),
        ("--interpolation-steps 2", "interpolation_steps must be at least 3, got 2"),
        ("--colour-weight 0", "colour_weight must be finite and > 0"),
        ("--samplers prior prior", "samplers must be one or more different names"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(flags, message, monkeypatch, tmp_path, capsys):
    assert launch(monkeypatch, f"{SMALL} --workdir {tmp_path}/run {flags}") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_of_one_class_has_no_dreams(monkeypatch, tmp_path):
    flags = (
        "--classes bird --variants MSE --samplers prior --limit 16 --batch-size 8 --image-size 12 --widths 4"
    )
    assert launch(monkeypatch, f"{SMALL} {flags} --workdir {tmp_path}/run") == 0
    assert "There are no dreams" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize("side", [32, 96])
def test_every_row_has_a_network_for_the_reports_sizes(side):
    config = Config(variants=tuple(VARIANTS))
    for row in make_variants(config).values():
        model = config.make_model((side, side, 3), layout=models.layout(), **row.network)
        shapes = jax.eval_shape(partial(models.init, model=model), jax.random.key(0))
        assert shapes["params"]
        assert model.latent_size == row.network.get("latent_size", 1024 if side == 96 else 128)


def test_programs_differ_where_the_work_does():
    rows = make_variants(Config(variants=tuple(VARIANTS)))
    programs = {name: row.program for name, row in rows.items()}
    assert len({programs[name] for name in (*COMPARED, "all classes")}) == 1
    assert len({programs[name] for name in STABILITY}) == 1
    assert len(set(programs.values())) == len(VARIANTS) - len(COMPARED) - len(STABILITY) + 1


def test_equation_5_is_kl_and_ssim_and_colour():
    config = Config(ssim_weight=2.0, colour_weight=3.0, beta=0.5, widths=(4, 4), latent_size=3)
    model = config.make_model((32, 32, 3), layout=models.layout())
    row = make_variants(config)[MAIN]
    objective = losses.compose(
        training.make_terms(row, model), training.make_weights(config, row, model.image_shape)
    )
    key, index = jax.random.key(0), jnp.arange(5, dtype=jnp.int32)
    image = jnp.asarray(np.random.default_rng(0).random((5, 32, 32, 3)), jnp.float32)
    batch = Batch(image, jnp.zeros(5, jnp.int32), jnp.ones(5), index)

    @jax.jit
    def loss(key, batch):
        output = model.apply(models.init(key, model), key, batch.image, batch.index)
        return objective(key, output, batch, jnp.int32(0))[0], output

    actual, output = loss(key, batch)
    again = jax.nn.sigmoid(output.logits)
    (posterior,) = output.posteriors
    kl = (posterior.mean**2 + posterior.stddev**2 - 1).sum(1) / 2 - jnp.log(posterior.stddev).sum(1)
    expected = 0.5 * kl + 3072 * (
        2 * (1 - losses.ssim(again, image)) + 3 * losses.colour_distance(again, image)
    )
    np.testing.assert_allclose(actual, expected.mean(), rtol=1e-5)


def summary(**values):
    return {name: {"mean": value, "std": None, "n": 1} for name, value in values.items()}


def test_the_verdict_says_what_the_numbers_say():
    rows = [
        report.Row(name="MSE", metrics=summary(ssim=0.6, colour_error=0.02)),
        report.Row(name=MAIN, metrics=summary(ssim=0.7, colour_error=0.03, fid_prior=90.0, fid_mixture=80.0)),
    ]
    assert claims.verdict(rows, VARIANTS) == (
        f"SSIM from “MSE” to “{MAIN}”: 0.600 → 0.700, better (one seed). Colour error from “MSE” to “{MAIN}”: 0.0200 → "
        f"0.0300, not better (one seed). FID of “{MAIN}” by sampler: prior 90.0, mixture 80.0."
    )


def test_the_best_rate_and_the_largest_safe_one_are_named():
    found = {0.001: (0, 0.02), 0.003: (0, 0.01), 0.01: (1 / 3, 0.03), 0.03: (0, 0.04), 0.1: (1, None)}
    rows = [
        report.Row(
            name=f"MSE, rate {rate:g}",
            metrics=summary(diverged=lost, **({} if mse is None else {"mse": mse})),
        )
        for rate, (lost, mse) in found.items()
    ]
    assert stability.best_rates(rows, VARIANTS) == [
        "Of the learning rates of MSE, no seed diverges up to 0.003; MSE is best at 0.003: 0.0100."
    ]


def test_a_seed_has_diverged_if_one_picture_for_all_does_as_well():
    training, test = np.full((3, 4, 4, 1), 51, np.uint8), np.full((2, 4, 4, 1), 102, np.uint8)
    baseline = stability.error_of_the_mean(training, test)
    assert baseline == pytest.approx(0.04, rel=1e-5)
    row = report.Row(name="a", metrics={})
    model = Config().make_model((32, 32, 3), layout=models.layout())
    runs = [jaxvae.Run(model, {}, config={}, variant="a", seed=seed) for seed in (0, 1)]
    trained = {"a": study.Trained(runs=runs)}
    table = report.Table(rows=[row], columns=[], caption="")

    def measure(run):
        return {"mse": (0.01, 0.05)[run.seed]}

    (found,) = stability.add_diverged(table, trained, measure, seeds=4, baseline=baseline).rows
    assert found.metrics["diverged"]["mean"] == 0.75


def test_models_of_two_classes_have_as_many_updates_and_are_measured_on_these_classes():
    labels = np.arange(80) % 4
    images = np.random.default_rng(0).integers(0, 256, (80, 32, 32, 3), np.uint8)
    whole = data.from_arrays(images, labels, name="four", class_names=("cat", "bird", "horse", "dog"))
    config = Config(variants=("all classes", "two classes", "a tenth of two classes"), batch_size=2, epochs=3)
    kept, test = training.select(config, whole, whole)
    assert kept is whole
    assert set(test.labels) == {1, 2}
    experiment = SimpleNamespace(
        train_set=whole,
        source=data.serve(whole, batch_size=2),
        image_shape=(32, 32, 3),
        layout=models.layout(),
        steps=lambda: 120,
    )
    trainings = training.Trainings(experiment, config)
    variants = make_variants(config)
    made = {name: trainings({name: variant}) for name, variant in variants.items()}
    assert [len(each.source.dataset) for each in made.values()] == [80, 40, 4]
    assert [each.epochs * each.source.steps_per_epoch for each in made.values()] == [120, 120, 120]
    assert [len(trainings.seen(variant)) for variant in variants.values()] == [40, 40, 4]
    assert training.select(Config(), whole, whole) == (whole, whole)


def test_coarse_images_keep_what_the_colour_loss_sees():
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    coarse = page.coarse(images)
    assert coarse.shape == images.shape
    assert len(np.unique(coarse[0, :, :, 0])) == 9
    cells = coarse[:, [0, 11, 22]][:, :, [0, 11, 22]]
    np.testing.assert_allclose(cells, losses.average_pool(jnp.asarray(images)), rtol=1e-6)
