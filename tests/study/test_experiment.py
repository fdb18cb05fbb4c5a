from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest

import jaxvae
from jaxvae import cli, data, losses, models, report, study, train
from jaxvae.study.trained import incidents
from jaxvae.types import RunStopped


def opened(workdir, *, parts=None, **flags):
    flags = {"data": "drawn", "image_size": 8, "limit": 20, "batch_size": 10, "epochs": 1} | flags
    return study.Experiment.open("toy", cli.RunConfig(workdir=workdir, **flags), parts=parts)


def test_flags_choose_the_data(tmp_path):
    experiment = opened(tmp_path / "run", classes=("horse", "bird"))
    for dataset in (experiment.train_set, experiment.test_set):
        assert dataset.spec.image_shape == experiment.image_shape == (8, 8, 3)
        assert dataset.spec.class_names == experiment.class_names == ("horse", "bird")
        assert set(dataset.labels) == {0, 1}
    with pytest.raises(ValueError, match=r"Unknown class 'hors' of 'drawn'; known are bird, horse, house\."):
        opened(tmp_path / "run", classes=("hors",))
    assert not list(tmp_path.iterdir())


def test_settings_are_chosen_without_the_test_split(tmp_path):
    experiment = opened(tmp_path / "run", measure_on="validation", limit=None)
    whole = data.load("drawn", split="train", image_size=8)
    for dataset, images in (
        (experiment.train_set, whole.images[:540]),
        (experiment.test_set, whole.images[540:]),
    ):
        np.testing.assert_array_equal(dataset.images, images)
    assert experiment.measured_on == "validation images"
    table = experiment.table(
        experiment.train(training(experiment)), lambda run: {"kl": 1.0}, report.columns("kl")
    )
    assert table.caption == "Measured on 60 validation images"
    experiment.publish(title="Toy", intro="All.", tables=[table])
    page = (tmp_path / "run" / "report.html").read_text()
    assert "All. This run chooses settings: it is measured on validation images" in page
    config = train.Workdir(tmp_path / "run").read_config()["config"]
    assert config["measure_on"] == "validation"


@pytest.mark.parametrize(("memory", "kind"), [(0, data.Streamed), (2**30, data.Resident)])
def test_what_does_not_fit_the_device_is_streamed(tmp_path, monkeypatch, memory, kind):
    monkeypatch.setattr("jaxvae.data.stream._device_memory", lambda: memory)
    assert type(opened(tmp_path).source) is kind


def test_too_few_validation_images_are_refused(tmp_path):
    config = cli.RunConfig(workdir=tmp_path / "run", data="drawn", image_size=8, limit=4, batch_size=2)
    with pytest.raises(ValueError, match="toy needs at least 5 test images, got 4"):
        study.Experiment.open("toy", config, least=5)


def brightness(key, output, batch):
    return batch.image.mean((1, 2, 3))


def training(experiment, **options):
    fields = {
        "model": models.DropoutVAE((8, 8, 3), (2,), (4,), layout=experiment.layout),
        "terms": {"brightness": brightness},
        "weights": {"brightness": 1.0},
        "optimizer": train.adam(1e-3),
        "variants": {"toy": {}},
    }
    return study.Training(**fields | options)


def test_network_and_objective_see_augmented_images_only_in_training(tmp_path):
    experiment = opened(tmp_path / "run")
    trained = experiment.train(training(experiment, augment=lambda key, image, index: jnp.zeros_like(image)))
    seen = {each["split"]: each["brightness"] for each in report.read_records(experiment.workdir.metrics)}
    assert seen["train"] == 0
    assert seen["validation"] > 0.1
    (run,) = trained["toy"].runs
    (loaded,) = jaxvae.load(tmp_path / "run").encode(experiment.test_set.images)
    np.testing.assert_array_equal(run.encode(experiment.test_set.images)[0].mean, loaded.mean)


@pytest.mark.parametrize("misspelt", ["augmnet", "epoch", "replicas"])
def test_a_misspelt_option_is_an_error(tmp_path, misspelt):
    experiment = opened(tmp_path / "run")
    with pytest.raises(TypeError, match=misspelt):
        training(experiment, **{misspelt: None})
    with pytest.raises(TypeError, match=misspelt):
        experiment.train(training(experiment), **{misspelt: None})
    with pytest.raises(TypeError, match=misspelt):
        experiment.publish(title="", intro="", tables=[], **{misspelt: None})
    with pytest.raises(TypeError, match=misspelt):
        study.Experiment.open("toy", experiment.config, **{misspelt: None})
    assert not (tmp_path / "run").exists()


@dataclass(frozen=True, kw_only=True)
class Variant(study.Variant):
    rate: float
    width: int = 4

    @property
    def program(self):
        return f"width-{self.width}"


VARIANTS = {
    "wild": Variant(rate=1e30, note="Too fast.", published={"kl": 4.0}),
    "calm": Variant(rate=1e-3, published={"kl": 2.0}, before="wild", change="The rate"),
    "wide": Variant(rate=1e-3, width=6, before="calm", change="The width"),
}


def make(experiment, variants):
    width = next(iter(variants.values())).width
    model = models.DropoutVAE((8, 8, 3), (2,), (width,), layout=experiment.layout)
    return study.Training(
        model=model,
        terms={"bce": losses.reconstruction("bernoulli"), "kl": losses.kl(models.own_priors(model))},
        weights={"bce": 1.0, "kl": 1.0},
        optimizer=train.tunable("sgd"),
        tuned=train.TUNABLE,
        variants={n: {"learning_rate": v.rate, "momentum": 0.0} for n, v in variants.items()},
    )


def run_study(workdir, variants, **flags):
    """Trains and publishes variants, and returns what became of them and the rows of the table."""
    experiment = opened(workdir, parts=study.parts(variants), seeds=2, **flags)
    trained = experiment.train_variants(variants, lambda group: make(experiment, group))
    measured = []

    class Measures(study.Measuring):
        def measure(self, run):
            measured.append((run.variant, run.seed))
            return {"kl": 3.0 + run.seed}

    columns = report.columns("kl", "ssim")
    table = experiment.table(trained, Measures(experiment, {}), columns, caption="Results", ratios=["kl"])
    experiment.publish(title="Toy", intro="", tables=[table])
    return trained, {row.name: row for row in table.rows}, measured


def test_variants_of_one_program_train_together_and_one_that_diverges_does_not_stop_the_others(tmp_path):
    trained, rows, measured = run_study(tmp_path / "run", VARIANTS)
    assert {path.name for path in (tmp_path / "run" / "parts").iterdir()} == {"width-4", "width-6"}
    assert list(trained) == list(rows) == list(VARIANTS)
    assert [run.seed for run in trained["calm"].runs] == [0, 1]
    assert measured == [("calm", 0), ("calm", 1), ("wide", 0), ("wide", 1)]
    assert not trained["wild"].runs
    assert rows["wild"].metrics == {}
    assert rows["wild"].note.startswith("Too fast. Diverged, and not counted: ")
    assert "in replica 'wild, seed 0'" in rows["wild"].note
    assert "in replica 'wild, seed 1'" in rows["wild"].note
    assert rows["calm"].metrics["kl_ratio"]["mean"] == pytest.approx(3.5 / 2)
    assert "kl_ratio" not in rows["wide"].metrics
    assert {"bce", "kl"} <= report.read_records(tmp_path / "run" / "metrics.jsonl")[0].keys()
    assert (tmp_path / "run" / "figures" / "curves.png").exists()
    for path in (tmp_path / "run", tmp_path / "run" / "parts" / "width-6"):
        assert jaxvae.load(path, variant="wide", seed=1).model.widths == (6,)
    with pytest.raises(ValueError, match=r"no model of variant 'wild': .* in replica 'wild, seed 0'"):
        jaxvae.load(tmp_path / "run", variant="wild")
    alone, _, _ = run_study(tmp_path / "alone", {"calm": VARIANTS["calm"]})
    for run, other in zip(trained["calm"].runs, alone["calm"].runs, strict=True):
        np.testing.assert_array_equal(run.sample(3), other.sample(3))


def test_a_row_says_what_was_left_out_and_went_back(tmp_path):
    variants = {name: VARIANTS[name] for name in ("wild", "calm")}
    _, rows, _ = run_study(tmp_path / "run", variants, rollback=True, skip_nonfinite=1)
    note = rows["wild"].note
    assert note.startswith("Too fast. Diverged, and not counted: ")
    assert note.count("; went on from step 0 at 0.125 of its learning rate") == 2, "of both seeds"
    assert "Rolled back: " in note
    assert rows["calm"].note == ""
    config = train.Workdir(tmp_path / "run").read_config()
    assert (config["config"]["rollback"], config["config"]["skip_nonfinite"]) == (True, 1)
    assert {"on_nan"} <= set(config["free"])
    assert jaxvae.load(tmp_path / "run", variant="calm", seed=1).seed == 1


def test_a_sentence_says_how_many_steps_each_seed_left_out(tmp_path):
    said = incidents("calm", train.Workdir(tmp_path), {0: 0, 1: 3, 2: 1})
    assert said == "Steps left out because their gradient was not finite: seed 1 3, seed 2 1."
    assert incidents("calm", train.Workdir(tmp_path), {0: 0}) == ""


def test_a_variant_that_diverges_stops_the_others_if_the_flags_say_so(tmp_path):
    variants = {name: VARIANTS[name] for name in ("wild", "wide")}
    with pytest.raises(train.NonFiniteError, match="in replica 'wild, seed 0'"):
        run_study(tmp_path / "run", variants, on_nan="stop")
    assert not (tmp_path / "run" / "parts" / "width-6").exists()


def test_a_run_of_diverged_variants_alone_stops(tmp_path):
    with pytest.raises(
        train.NonFiniteError, match="in replica 'wild, seed 0'; what was saved before is kept"
    ):
        run_study(tmp_path / "run", {"wild": VARIANTS["wild"]})


def test_a_program_that_diverges_whole_is_named_and_the_next_one_trains(tmp_path, capsys):
    trained, rows, _ = run_study(tmp_path / "run", {name: VARIANTS[name] for name in ("wild", "wide")})
    assert (len(trained["wild"].runs), len(trained["wide"].runs)) == (0, 2)
    assert rows["wild"].note.startswith("Too fast. Diverged, and not counted: ")
    assert "wild diverged: " in capsys.readouterr().out


def test_what_cannot_be_trained_is_refused_before_anything_is_written(tmp_path):
    experiment = opened(tmp_path / "run", parts=study.parts(VARIANTS))

    def broken(group):
        own = make(experiment, group)
        return study.Training(
            **vars(own) | {"terms": {"bce": lambda *_: jnp.zeros(3), "kl": own.terms["kl"]}}
        )

    with pytest.raises(ValueError, match="Term bce must return one value per example"):
        experiment.train_variants(VARIANTS, broken)
    assert not (tmp_path / "run").exists()


def test_a_directory_with_a_run_is_refused_when_the_experiment_opens(tmp_path):
    run_study(tmp_path / "run", {"wide": VARIANTS["wide"]})
    with pytest.raises(ValueError, match="holds a run already"):
        opened(tmp_path / "run", parts={"wide": "width-6"}, seeds=2)
    with pytest.raises(ValueError, match="another configuration: limit was 20, now 19"):
        opened(tmp_path / "run", parts={"wide": "width-6"}, seeds=2, limit=19, resume=True)


def test_a_script_that_was_edited_is_not_resumed(tmp_path):
    def go(resume=False, **options):
        experiment = opened(tmp_path / "run", resume=resume)
        return experiment.train(training(experiment, **options))

    go(variants={"plain": {"brightness": 0.0}, "bright": {"brightness": 1.0}})
    before = (tmp_path / "run" / "config.json").read_text()
    for options, message in (
        ({"variants": {"bright": {"brightness": 1.0}, "plain": {"brightness": 0.0}}}, "'bright'.* now"),
        ({"variants": {"plain": {"brightness": 0.0}, "bright": {"brightness": 2.0}}}, "2.0.* now"),
        (
            {
                "variants": {"plain": {"brightness": 0.0}, "bright": {"brightness": 1.0}},
                "weights": {"brightness": 3.0},
            },
            "3.0.* now",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            go(resume=True, **options)
    assert (tmp_path / "run" / "config.json").read_text() == before


def test_an_estimate_says_what_training_takes_and_leaves_nothing(tmp_path, capsys):
    experiment = opened(tmp_path / "run", parts=study.parts(VARIANTS), estimate=True, seeds=2)
    with pytest.raises(RunStopped, match="Nothing was trained") as end:
        experiment.train_variants(VARIANTS, lambda group: make(experiment, group))
    assert end.value.status == 0
    said = capsys.readouterr().out
    assert "width-4: wild, calm\n" in said
    assert "width-6: wide\n" in said
    assert "in each of 4 replicas\n" in said
    experiment.train_one(training(experiment), part="classifier", seed=0).encode(experiment.test_set.images)
    for use in (lambda: experiment.train(training(experiment)), lambda: experiment.table({}, dict, [])):
        with pytest.raises(RunStopped, match="Nothing was trained"):
            use()
    assert not (tmp_path / "run").exists()


def test_contrasts_are_the_changes_that_variants_name():
    changes = [(c.before, c.after, c.change) for c in study.contrasts(VARIANTS)]
    assert changes == [("wild", "calm", "The rate"), ("calm", "wide", "The width")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"variants": {}}, "at least one variant"),
        ({"variants": {"a": {"kl": 1.0}, "b": {}}}, "'a' and 'b' differ in kl"),
        ({"optimizer": None}, "an optimizer, or a game, and not both"),
    ],
)
def test_what_is_no_training_is_refused(tmp_path, fields, message):
    with pytest.raises(ValueError, match=message):
        training(opened(tmp_path / "run"), **fields)
