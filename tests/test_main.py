"""`python -m jaxvae fid`, with a stand-in for the Inception network."""

import importlib
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxvae import __main__ as program
from jaxvae import evaluate

statistics = importlib.import_module("jaxvae.evaluate.image_statistics")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs with these arguments: exit status, what it printed, and what it said on stderr."""

    def features(inception, images, **options):
        return np.asarray(images, np.float32).reshape(len(images), -1)[:, :5]

    monkeypatch.setattr(statistics, "inception_features", features)
    monkeypatch.setattr(evaluate, "load_inception", lambda path: evaluate.Inception({}, f"weights of {path}"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["jaxvae", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            program.command_line()
        return end.value.code, *capsys.readouterr()

    return run


def pictures(folder, seed, n=9, size=(6, 5)):
    folder.mkdir()
    for number, image in enumerate(
        np.random.default_rng(seed).integers(0, 256, (n, *size, 3), dtype=np.uint8)
    ):
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def folders(tmp_path):
    return pictures(tmp_path / "a", 0), pictures(tmp_path / "b", 1)


def table(text):
    return dict(line.split(maxsplit=1) for line in text.splitlines())


def test_two_folders(run, folders):
    status, out, err = run("fid", *folders, "--resize", "clean", "--inception", "w.pt")
    assert (status, err) == (0, "")
    rows = table(out)
    assert list(rows) == ["FID", "KID", "density", "coverage", "n", "weights", "resize", "precision"]
    assert float(rows["FID"]) > 0
    assert (rows["n"], rows["weights"], rows["resize"]) == ("9 and 9", "weights of w.pt", "clean")


def test_saved_statistics_stand_for_the_second_folder(run, folders, tmp_path):
    saved = tmp_path / "b.npz"
    status, out, _ = run("fid", *folders, "--save-stats", saved)
    assert status == 0
    assert run("fid", folders[0], saved) == (0, out, "")
    assert float(table(run("fid", saved, saved)[1])["FID"]) == pytest.approx(0, abs=1e-3)


def test_the_number_of_pictures_is_limited_and_few_are_warned_of(run, folders):
    status, out, err = run("fid", *folders, "--max-images", "4")
    assert (status, table(out)["n"]) == (0, "4 and 4")
    assert err == (
        "warning: 4 images are fewer than the 5 features, which biases the Fréchet distance upwards; compare it only "
        "with distances from as many images.\n"
    )


def test_samples_of_a_run(run, folders, tmp_path, monkeypatch):
    asked = []

    class Run:
        def sample(self, n):
            asked.append(n)
            return jnp.zeros((n, 6, 5, 1)) + jnp.linspace(0, 1, n)[:, None, None, None]

    monkeypatch.setattr(program, "load", lambda path: Run())
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text("{}")
    status, out, _ = run("fid", tmp_path / "run", folders[1], "--max-images", "8")
    assert (status, asked, table(out)["n"]) == (0, [8], "8 and 8")


BAD = [
    ([], "Unknown command ''; known are fid."),
    (["fit"], "Unknown command 'fit'; known are fid."),
    (["fid"], "--help lists all flags"),
    (["fid", "{a}"], "--help lists all flags"),
    (["fid", "{a}", "{b}", "--resize", "nearest"], "nearest"),
    (["fid", "{a}", "{b}", "--max-images", "1"], "max_images must be at least 2, got 1."),
    (["fid", "{a}", "{b}", "--batch-size", "0"], "batch_size must be at least 1, got 0."),
    (
        ["fid", "{a}", "{b}", "--save-stats", "s.txt"],
        "must be a file ending in .npz in a folder that exists, got s.txt.",
    ),
    (["fid", "{a}", "{b}", "--save-stats", "no/s.npz"], "in a folder that exists, got no/s.npz."),
    (["fid", "{a}", "missing"], "missing must be a folder of pictures, and is not there."),
    (["fid", "{a}", "missing.npz"], "missing.npz cannot be read: No such file or directory."),
    (["fid", "{a}", "{small}"], "one height and width, got 6 x 5 and 4 x 5"),
    (["fid", "{a}", "{one}"], "FID needs at least 2 images in a set, got 1."),
]


@pytest.mark.parametrize(
    ("arguments", "said"), BAD, ids=[" ".join(arguments) or "nothing" for arguments, _ in BAD]
)
def test_bad_input_is_one_line(run, folders, tmp_path, arguments, said):
    pictures(tmp_path / "small", 0, size=(4, 5))
    pictures(tmp_path / "one", 0, n=1)
    named = [
        argument.format(**{name: tmp_path / name for name in ("a", "b", "small", "one")})
        for argument in arguments
    ]
    status, out, err = run(*named)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err


def test_missing_weights_are_one_line(run, folders, tmp_path, monkeypatch):
    from jaxvae.evaluate.inception_weights import load_inception

    monkeypatch.setattr(evaluate, "load_inception", load_inception)
    status, out, err = run("fid", *folders, "--inception", tmp_path / "w.pt")
    assert (status, out) == (2, "")
    assert err == f"error: {tmp_path / 'w.pt'} cannot be read: No such file or directory.\n"


def test_statistics_that_cannot_be_written_are_one_line(run, folders, tmp_path):
    (tmp_path / "s.npz").mkdir()
    status, _, err = run("fid", *folders, "--save-stats", tmp_path / "s.npz")
    assert status == 1
    assert err.startswith("error: Is a directory: ")
    assert err.count("\n") == 1


def test_help_comes_from_the_module():
    command = [sys.executable, "-m", "jaxvae", "fid", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "usage: python -m jaxvae fid" in done.stdout
    for flag in ("--resize", "--max-images", "--save-stats", "--inception"):
        assert flag in done.stdout
    assert "Compares two sets of pictures" in done.stdout
