"""`python -m jaxvae sample`."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import jaxvae
from jaxvae import report, study
from jaxvae.commands import draw as drawing


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_grid_of_samples_from_the_prior(run, saved, tmp_path):
    out = tmp_path / "grid.png"
    status, said, err = run("sample", saved.path, "--images", "5", "--draw", "3", "--out", out)
    assert (status, said, err) == (0, f"{out}\n", f"{saved.path}: samples of plain, seed 0\n")
    images = np.asarray(jaxvae.load(saved.path).sample(5, seed=3))
    np.testing.assert_array_equal(pixels(out), report.image_grid(images, columns=3, scale=2))


@pytest.mark.parametrize(("given", "fitted"), [({}, "full"), ({"covariance": "diag"}, "diag")], ids=str)
def test_a_fitted_sampler_writes_into_the_runs_figures(run, saved, given, fitted, caplog):
    options = {"components": 2} | given
    named = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    flags = ("--images", "4", "--sampler", "mixture", "--overwrite", *named)
    status, said, err = run("sample", saved.path, *flags)
    out = saved.path / "figures" / "drawn_mixture.png"
    assert (status, said) == (0, f"{out}\n")
    assert err == (
        f"{saved.path}: samples of plain, seed 0, by mixture\n"
        f"mixture of 2 Gaussians, covariance {fitted}, fitted to 60 codes of 3 numbers\n"
    )
    # Handlers of other packages would show the line again.
    assert not caplog.messages
    images = study.draw_images(jaxvae.load(saved.path), 4, sampler="mixture", **options)
    expected = report.image_grid(np.asarray(images), columns=2, scale=2)
    np.testing.assert_array_equal(pixels(out), expected)


@pytest.mark.parametrize("flags", [[], ["--sampler", "mixture", "--components", "1"]], ids=str)
def test_a_conditional_model_is_given_labels(run, saved_conditional, tmp_path, flags):
    out = tmp_path / "grid.png"
    assert run("sample", saved_conditional.path, "--images", "4", "--out", out, *flags)[0] == 0
    assert pixels(out).shape == (114, 114, 3)


def test_a_file_is_not_overwritten_silently(run, saved, tmp_path, monkeypatch):
    out = tmp_path / "grid.png"
    out.write_bytes(b"mine")
    monkeypatch.setattr(drawing, "load", lambda *_, **__: pytest.fail("it computes"))
    status, _, err = run("sample", saved.path, "--out", out)
    assert (status, err) == (2, f"error: {out} exists; name another file with --out or give --overwrite.\n")
    assert out.read_bytes() == b"mine"
    monkeypatch.undo()
    assert run("sample", saved.path, "--images", "1", "--out", out, "--overwrite")[0] == 0
    assert out.read_bytes() != b"mine"


def test_what_the_run_was_not_trained_on_is_refused(run, saved, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(saved.path, other, ignore=shutil.ignore_patterns("figures"))
    record = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(record | {"config": record["config"] | {"limit": 59}}))
    status, out, err = run("sample", other, "--sampler", "second_stage")
    assert (status, out) == (2, "")
    assert "error: the model 'plain' was not trained on mnist as it is found now" in err
    assert not (other / "figures").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--help lists all flags"),
        (["missing"], "missing holds no run: there is no config.json in it."),
        (["{run}", "--variant", "best"], "has no run of variant 'best'; it has ('plain', seed 0)."),
        (["{run}", "--images", "0"], "images must be at least 1, got 0."),
        (["{run}", "--draw", "-1"], "draw must be between 0 and 2147483647, got -1."),
        (
            ["{run}", "--out", "grid.jpg"],
            "must be a file ending in .png in a folder that exists, got grid.jpg.",
        ),
        (["{run}", "--out", "no/grid.png"], "in a folder that exists, got no/grid.png."),
        (["{run}", "--sampler", "flow"], "flow"),
        (["{run}", "--covariance", "diag"], "components and covariance are options of a mixture"),
        (["{run}", "--sampler", "mixture", "--components", "0"], "components must be at least 1, got 0."),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line(run, saved, arguments, said):
    status, out, err = run("sample", *(argument.format(run=saved.path) for argument in arguments))
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err
