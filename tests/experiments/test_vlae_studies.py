"""The studies of vlae_mnist beside the report's own: what they train and what they measure."""

import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_runs

import jaxvae
from experiments import vlae_mnist
from experiments.vlae_mnist import measures, objectives, stacked
from experiments.vlae_mnist.config import ROWS, Config, LossConfig, ModelConfig
from jaxvae import losses, models, study
from jaxvae.types import Batch

KEY = jax.random.key(0)
SHAPE = (8, 8, 1)
MODEL = ModelConfig(latent_sizes=(2, 2), widths=(2, 3), hidden=4)
EXPERIMENT = SimpleNamespace(
    image_shape=SHAPE, layout=models.layout(), batches=(), steps=lambda epochs=4: 10 * epochs
)


def weights_at(training, step):
    return {
        name: float(weight(step) if callable(weight) else weight) for name, weight in training.weights.items()
    }


def test_rows_of_one_program_differ_in_the_weight_of_ssim():
    config = Config(model=MODEL, loss=LossConfig(ssim=3.0, mmd=5.0, kl_warmup=2))
    found = {
        program: objectives.make_program(config, EXPERIMENT, variants)
        for program, variants in study.programs(objectives.make_variants(config)).items()
    }
    assert {program: training.variants for program, training in found.items()} == {
        "kl": {"KL": {"ssim_loss": 0.0}, "KL + SSIM": {"ssim_loss": 3.0}},
        "mmd": {"MMD": {"ssim_loss": 0.0}, "MMD + SSIM": {"ssim_loss": 3.0}},
        "mmd-joint_mmd": {"joint MMD + SSIM": {"ssim_loss": 3.0}},
    }
    held = {program: weights_at(training, 10) for program, training in found.items()}
    assert [held[name]["kl"] for name in found] == [0.5, 0.0, 0.0]
    assert [held[name]["mmd"] for name in found] == [0.0, 5.0, 5.0]
    assert [held[name].get("joint_mmd") for name in found] == [None, None, 5.0]
    assert weights_at(found["kl"], 40)["kl"] == 1.0


def test_some_rows_can_be_asked_for():
    assert [*objectives.make_variants(Config(variants=("MMD", "KL")))] == ["KL", "MMD"]
    with pytest.raises(ValueError, match="Unknown variant 'WAE'; known are 'KL'"):
        Config(variants=("WAE",))


def test_a_study_of_bernoulli_pixels_refuses_others():
    with pytest.raises(ValueError, match="'stacked' measures Bernoulli pixels, got likelihood 'gaussian'"):
        Config(study="stacked", loss=LossConfig(likelihood="gaussian"))


def test_a_stack_is_as_large_as_the_ladder():
    variants = stacked.make_variants(Config())
    experiment = SimpleNamespace(**vars(EXPERIMENT) | {"image_shape": (28, 28, 1)})
    sizes = {}
    for name, variant in variants.items():
        model = stacked.make_program(Config(), experiment, {name: variant}).model
        shapes = jax.eval_shape(lambda model=model: models.init(KEY, model))["params"]
        sizes[name] = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    assert variants["stack, wide bottom"].latent_sizes == (6, 2, 2)
    for name in ("stack", "stack, wide bottom"):
        assert sizes[name] == pytest.approx(sizes["ladder"], rel=0.03)


@pytest.mark.parametrize(
    ("stacked", "level", "kept"),
    [(False, 1, "100"), (False, 2, "010"), (True, 1, "111"), (True, 2, "011"), (True, 3, "001")],
)
def test_a_level_alone_keeps_what_determines_it(stacked, level, kept):
    codes, drawn = ((np.full((1, 2), value),) * 3 for value in (1, 0))
    found = measures.alone(level, codes, drawn, stacked=stacked)
    assert "".join(str(z[0, 0]) for z in found) == kept


class Brightness(study.FeatureClassifier):
    """Class 1 where an image is bright, ever surer the brighter."""

    def logits(self, images):
        bright = 20 * (images.mean((1, 2, 3)) - 0.5)
        return jnp.stack([-bright, bright], axis=1)


BRIGHTNESS = Brightness(models.Classifier(SHAPE, 2), {}, 1.0)


@pytest.mark.parametrize(
    "model",
    [models.VLAE(SHAPE, (2, 2), (2, 3), 4), models.HierarchicalVAE(SHAPE, (2, 2), (2, 3), 4, 3)],
    ids=["ladder", "stack"],
)
def test_levels_are_measured_one_by_one(model):
    batch = Batch(jax.random.uniform(KEY, (6, *SHAPE)), jnp.arange(6) % 2, jnp.ones(6), jnp.arange(6))
    variables = models.init(KEY, model)
    found = measures.level_evaluator(model, BRIGHTNESS)(KEY, variables, [batch])
    output = models.forward(jax.random.fold_in(KEY, 0), model, variables, batch)
    for level in (1, 2):
        divergence = losses.kl_monte_carlo(
            output.posteriors[level - 1], output.latents[level - 1], models.Normal(dim=2)
        )
        assert found[f"kl_z{level}"] == pytest.approx(float(divergence.mean()), rel=1e-4, abs=1e-5)
        assert 0 <= found[f"same_class_z{level}"] <= 1
        assert found[f"bce_z{level}"] > 0
    if isinstance(model, models.HierarchicalVAE):
        whole = losses.bernoulli_nll(output.logits, batch.image).mean()
        assert found["bce_z1"] == pytest.approx(float(whole), rel=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fewer than the")
@pytest.mark.parametrize(
    ("name", "rows"), [("objectives", [*ROWS]), ("stacked", ["ladder", "stack", "stack, wide bottom"])]
)
def test_a_study_runs_to_its_report(monkeypatch, tmp_path, name, rows):
    flags = "--preset smoke --limit 200 --batch-size 40 --epochs 2 --hidden 8 --widths 4 4 --latent-sizes 2 2"
    arguments = f"{flags} --samples 20 --study {name} --workdir {tmp_path}"
    assert small_runs.launch(vlae_mnist, monkeypatch, arguments) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert [row["name"] for row in results["rows"]][: len(rows)] == rows
    for row in results["rows"]:
        values = {key: value["mean"] for key, value in row["metrics"].items()}
        assert values["elbo"] == pytest.approx(-(values["bce"] + values["kl"]))
        assert 0 <= values["sure"] <= 1
        assert jaxvae.load(tmp_path, variant=row["name"]).sample(2).shape == (2, 28, 28, 1)
