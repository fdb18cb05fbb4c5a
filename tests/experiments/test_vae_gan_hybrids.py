"""Adversarial autoencoders and VAE-GANs as a user runs them, on drawn pictures and without Inception."""

import json
import shlex
import sys

import numpy as np
import pytest
from PIL import Image

import jaxvae
from experiments.vae_gan_hybrids import __main__ as hybrids
from experiments.vae_gan_hybrids import aae, aae_page, vaegan, vaegan_page
from experiments.vae_gan_hybrids.aae import VARIANTS as AAE_VARIANTS
from experiments.vae_gan_hybrids.aae import AAEConfig
from experiments.vae_gan_hybrids.vaegan_config import VARIANTS as VAEGAN_VARIANTS
from experiments.vae_gan_hybrids.vaegan_config import VAEGANConfig
from jaxvae import cli, data, models, report

pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than the")
AAE = (
    "aae --preset smoke --limit 40 --image-size 8 --epochs 1 --classifier-epochs 1 --samples 12 --widths 4 "
    "--hidden 8 --batch-size 20 --unlabelled 0.5 --least-diversity 0"
)
VAEGAN = (
    "vaegan --preset smoke --limit 40 --image-size 8 --epochs 1 --classifier-epochs 1 --samples 12 --widths 4 "
    "--discriminator-widths 4 --feature-layer 1 --hidden 8 --latent-size 3 --batch-size 20"
)


def launch(monkeypatch, arguments):
    """Runs the script in this process and returns the exit status."""
    monkeypatch.setattr(sys, "argv", [hybrids.__name__, *shlex.split(arguments)])
    with pytest.raises(SystemExit) as end:
        cli.launch_one(hybrids.EXPERIMENTS, description=hybrids.__doc__)
    return end.value.code


def values(workdir):
    """Means by row and name."""
    rows = json.loads((workdir / "results.json").read_text())["rows"]
    return {row["name"]: {key: each["mean"] for key, each in row["metrics"].items()} for row in rows}


@pytest.fixture(scope="module")
def autoencoders(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "aae"
    with pytest.MonkeyPatch.context() as patch:
        assert launch(patch, f"{AAE} --workdir {workdir}") == 0
    return workdir


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A folder of pictures with CelebA's list: the first attribute is brightness, the second half of them has."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    lines = ["40", "Bright Left Always"]
    for number in range(40):
        bright, left = number % 2, number % 4 // 2
        pixels = rng.integers(0, 100, (8, 8, 3)) + 100 * bright
        pixels[:, : 4 * left] = 0
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02}.png")
        lines.append(f"{number:02}.png {2 * bright - 1} {2 * left - 1} 1")
    (folder / "list_attr.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def adversaries(tmp_path_factory, faces):
    workdir = tmp_path_factory.mktemp("runs") / "vaegan"
    flags = f"--data folder:{faces} --attributes Left Bright --limit 30 --seeds 2 --equilibrium --instance-noise 0.1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        assert launch(patch, f"{VAEGAN} {flags} --workdir {workdir}") == 0
    return workdir


def test_autoencoders_are_measured_against_their_priors(autoencoders):
    found = values(autoencoders)
    assert list(found) == ["VAE, ring", "AAE, ring", "AAE, Swiss roll, labels"]
    expected = {"two_sample", "holes", "mmd", "bce", "classifier_fid", "mode_match", "purity"}
    expected |= {"diversity"}
    assert set(found["VAE, ring"]) == set(found["AAE, ring"]) == expected
    labels = {"agreement", "region_agreement", "code_agreement", *(f"agreement_{part}" for part in range(3))}
    assert set(found["AAE, Swiss roll, labels"]) == expected | labels
    for row in found.values():
        assert 0 <= row["holes"] <= 1
        assert 0 <= row["mode_match"] <= 1
        assert 1 / 3 <= row["purity"] <= 1
    of_parts = [found["AAE, Swiss roll, labels"][f"agreement_{part}"] for part in range(3)]
    assert found["AAE, Swiss roll, labels"]["agreement"] == pytest.approx(np.mean(of_parts))


def test_autoencoders_figures_are_there(autoencoders):
    names = {path.stem for path in (autoencoders / "figures").iterdir()}
    expected = {"planes", "planes_more", "grid_ring", "grid_swiss_roll", "roll", "parts", "reconstructions"}
    assert names == expected | {"curves"}
    assert (autoencoders / "report.html").read_text().count("<img") == len(names)


def test_an_autoencoder_is_used_from_python(autoencoders):
    run = jaxvae.load(autoencoders, variant="AAE, Swiss roll, labels")
    assert (run.model.prior, run.model.classes, run.model.informed) == ("swiss_roll", 3, True)
    assert run.sample(2).shape == (2, 8, 8, 3)


def test_hidden_labels_are_those_of_the_flag(autoencoders):
    config = json.loads((autoencoders / "parts" / "aae_swiss_roll_labels" / "config.json").read_text())
    drawn = data.load("drawn", split="train", limit=40, image_size=8)
    assert config["data"]["fingerprint"] == data.hide_labels(drawn, 0.5, seed=0).spec.fingerprint


@pytest.mark.parametrize(("name", "weight"), [("AAE, Gaussian", 14.0), ("AAE, ring", 7.0)])
def test_encoder_and_decoder_reconstruct_and_regularize_in_one_update(name, weight):
    game = aae.make_game(AAEConfig(regularization=7.0), AAE_VARIANTS[name], steps=10)
    assert {name: player.moves for name, player in game.players.items()} == {
        "autoencoder": ("encoder", "decoder"),
        "discriminator": ("discriminator",),
    }
    assert game.weights["autoencoder"] == {"reconstruction": 1.0, "generator_code": weight}


def test_an_autoencoder_that_has_collapsed_is_named_and_not_counted(autoencoders, monkeypatch, capsys):
    assert launch(monkeypatch, f"{AAE} --workdir {autoencoders} --resume --least-diversity 1e6") == 0
    assert "AAE, ring: Collapsed, and not counted: seed 0 (diversity" in capsys.readouterr().out
    assert all(not found for found in values(autoencoders).values())


def test_adversaries_are_measured(adversaries):
    found = values(adversaries)
    assert list(found) == ["VAE", "GAN", "VAE-GAN", "VAE-GAN, attributes", "held-out images"]
    samples = {"sharpness_ratio", "diversity", "distinctness"}
    views = {"local_distance", "global_distance", "certainty", "sharpness_centre", "sharpness_border"}
    again = {"mse", "error_centre", "error_border", "feature_distance", "recognised", "attributes_kept"}
    attributes = {f"attribute_{name}" for name in ("accuracy", "floor", "exact", "cosine", "0", "1")}
    assert set(found["GAN"]) == samples | views
    assert set(found["VAE"]) == set(found["VAE-GAN"]) == samples | views | again
    assert set(found["VAE-GAN, attributes"]) == samples | views | again | attributes
    assert set(found["held-out images"]) == samples | attributes
    ceiling = json.loads((adversaries / "results.json").read_text())["summary"]["attribute_ceiling"]
    assert found["held-out images"]["attribute_accuracy"] == pytest.approx(ceiling, abs=1e-6)


def test_adversaries_figures_and_losses_are_there(adversaries):
    names = {path.stem for path in (adversaries / "figures").iterdir()}
    assert names == {"samples", "reconstructions", "combinations", "edited", "vectors", "curves"}
    records = report.read_records(adversaries / "metrics.jsonl")
    trained = next(r for r in records if r["variant"] == "VAE-GAN" and r["split"] == "train")
    players = {"encoder", "decoder", "discriminator"}
    assert {f"{player}_loss" for player in players} <= trained.keys()
    assert {"decoder_moves", "discriminator_moves"} <= trained.keys(), "the equilibrium's rule"


def test_a_conditional_model_is_used_from_python(adversaries):
    run = jaxvae.load(adversaries, variant="VAE-GAN, attributes", seed=1)
    assert run.model.attributes == 2
    assert run.sample(2, labels=np.array([[True, False], [False, True]])).shape == (2, 8, 8, 3)


def test_attribute_vectors_are_differences_of_mean_codes(adversaries):
    run = jaxvae.load(adversaries, variant="VAE-GAN")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    has = np.array([[1, 0], [1, 0], [0, 0], [0, 0], [0, 0], [1, 0]], bool)
    attributes = data.Attributes(("Bright", "Never"), has)
    dataset = data.from_arrays(images, np.full(6, -1), name="toy", attributes=attributes)
    (posterior,) = run.encode(images)
    codes = np.asarray(posterior.mean)
    actual = vaegan_page.attribute_vectors(run, dataset)
    np.testing.assert_allclose(actual[0], codes[[0, 1, 5]].mean(0) - codes[2:5].mean(0), atol=1e-5)
    np.testing.assert_array_equal(actual[1], 0)


@pytest.mark.parametrize(
    ("row", "weights"),
    [
        (
            "VAE-GAN",
            {
                "encoder": {"kl": 3.0, "feature_likelihood": 1.0},
                "decoder": {
                    "feature_likelihood": 0.5,
                    "generator_reconstruction": 1.0,
                    "generator_sample": 1.0,
                },
            },
        ),
        (
            "GAN",
            {"encoder": {"kl": 3.0}, "decoder": {"generator_reconstruction": 1.0, "generator_sample": 1.0}},
        ),
    ],
)
def test_a_gan_is_the_game_without_its_likelihood(row, weights):
    config = VAEGANConfig(beta=3.0, gamma=0.5)
    model = config.make_model((16, 16, 3), attributes=0, layout=models.layout())
    game = vaegan.make_game(config, model, VAEGAN_VARIANTS[row], steps=10)
    judging = dict.fromkeys(("adversarial_real", "adversarial_reconstruction", "adversarial_sample"), 1.0)
    assert game.weights == weights | {"discriminator": judging | {"gradient_penalty": 10.0}}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("gan", "the first argument must be one of aae, vaegan, distances, got gan"),
        (f"{AAE} --variants 'AAE, torus'", "Unknown variant 'AAE, torus'; known are 'VAE, Gaussian'"),
        (f"{AAE} --game logistic", "--game"),
        (f"{AAE} --game wasserstein", "more than 0 for wasserstein, got 0"),
        (f"{AAE} --game hinge --smoothing 0.1", "hinge has no target that could be smoothed"),
        (f"{AAE} --unlabelled 1", r"must be in [0, 1), got 1"),
        (f"{AAE} --limit 2 --batch-size 2", "at least 12 test images, got 2"),
        (f"{AAE} --classes bird", "aae needs images of 2 to 10 classes, got 1 of 'drawn'"),
        (f"{VAEGAN} --variants DCGAN", "Unknown variant 'DCGAN'; known are 'VAE', 'GAN'"),
        (
            f"{VAEGAN} --attributes bird wings",
            "Unknown attribute 'wings' of 'drawn'; known are bird, horse, house",
        ),
        (f"{VAEGAN} --classes bird", "attribute 'bird' has a single value: all of the 40 images"),
        (f"{VAEGAN} --widths 4 4 4 4", "need 16 x 16 pixels or more, got 8 x 8"),
        (f"{VAEGAN} --feature-layer 2", "must be one of the discriminator's 1 convolutions"),
        (f"{VAEGAN} --game hinge --equilibrium", "target is a cross-entropy, which hinge does not have"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(flags, message, monkeypatch, tmp_path, capsys):
    assert launch(monkeypatch, f"{flags} --workdir {tmp_path}/run") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "attribute 'Always' has a single value: all"),
        ("00.png", "must be a picture's name and 3 times 1 or -1"),
        ("lost", "must list the attributes of every picture"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(faces, line, message, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "faces"
    folder.mkdir()
    for path in faces.iterdir():
        text = path.read_bytes()
        if line and path.suffix == ".txt":
            kept = [row for row in text.decode().splitlines() if not row.startswith("00.png")]
            text = "\n".join([*kept, *([line] if line != "lost" else [])]).encode()
        (folder / path.name).write_bytes(text)
    flags = f"--limit 30 --data folder:{folder} --workdir {tmp_path}/run"
    assert launch(monkeypatch, f"{VAEGAN} {flags}") == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert not (tmp_path / "run").exists()


def summary(**means):
    return {name: {"mean": value, "std": None, "n": 1} for name, value in means.items()}


def test_the_verdicts_say_what_the_numbers_say():
    rows = [
        report.Row(name="VAE, ring", metrics=summary(holes=0.3, mode_match=0.9)),
        report.Row(name="AAE, ring", metrics=summary(holes=0.1, mode_match=0.8)),
        report.Row(name="AAE, ring, labels", metrics=summary(agreement=0.97, two_sample=0.55)),
    ]
    assert aae_page.verdict(rows) == (
        "Holes of the ring prior, VAE → AAE: 0.300 → 0.100, better (one seed). "
        "Mode match of the ring prior, VAE → AAE: 0.900 → 0.800, not better (one seed). "
        "AAE, ring, labels: 97.0% of images are of their part's class, two-sample accuracy 0.550."
    )
    rows = [
        report.Row(name="VAE", metrics=summary(sharpness_ratio=0.2)),
        report.Row(name="VAE-GAN", metrics=summary(sharpness_ratio=0.9)),
        report.Row(name="VAE-GAN, attributes", metrics=summary(attribute_accuracy=0.81, attribute_floor=0.6)),
    ]
    assert vaegan_page.verdict(rows, ceiling=0.9) == (
        "Sharpness, VAE → VAE-GAN: 0.200 → 0.900, better (one seed). "
        "VAE-GAN, attributes: attribute accuracy 0.810, 0.900 of the ceiling 0.900; images asked for "
        "other attributes reach 0.600."
    )


def test_every_row_has_a_part_of_its_own():
    for rows in (AAE_VARIANTS, VAEGAN_VARIANTS):
        assert len({row.program for row in rows.values()}) == len(rows)


def test_alone_it_says_what_to_type(monkeypatch, capsys):
    for arguments in ("", "--help"):
        assert launch(monkeypatch, arguments) == 0
        shown = capsys.readouterr().out
        assert "Combining VAEs and GANs" in shown
        for word in ("aae", "vaegan"):
            assert f"    python {hybrids.__name__} {word}\n" in shown
