"""`python -m jaxvae fid`, with a stand-in for the Inception network."""

import errno
import importlib
import os
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from jaxvae import evaluate, models
from jaxvae.commands import draw as drawing

fid_command = importlib.import_module("jaxvae.commands.fid")


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


@pytest.mark.parametrize("sampler", ["prior", "mixture"])
def test_samples_of_a_run_by_a_sampler(run, saved, tmp_path, sampler):
    real = tmp_path / "real"
    real.mkdir()
    for number, image in enumerate(saved.images[:12]):
        Image.fromarray(image[..., 0]).save(real / f"{number}.png")
    flags = () if sampler == "prior" else ("--sampler", "mixture", "--components", "2")
    chosen = ("--max-images", "12", "--variant", "plain", "--seed", "0")
    status, out, err = run("fid", saved.path, real, *chosen, *flags)
    assert (status, table(out)["n"]) == (0, "12 and 12")
    said = f"{saved.path}: samples of plain, seed 0"
    mixture = "mixture of 2 Gaussians, covariance full, fitted to 60 codes of 3 numbers\n"
    assert err == (f"{said}, by mixture\n{mixture}" if flags else f"{said}\n")


def test_a_run_that_draws_no_samples_is_refused(run, folders, saved, monkeypatch):
    classifier = SimpleNamespace(model=models.Classifier((28, 28, 1)))
    monkeypatch.setattr(drawing, "load", lambda *_, **__: classifier)
    status, _, err = run("fid", saved.path, folders[1])
    assert (status, err) == (2, f"error: {saved.path} holds a Classifier, which cannot be sampled.\n")


def test_nothing_is_computed_or_written_where_sets_do_not_compare(run, folders, tmp_path, monkeypatch):
    assert run("fid", *folders, "--save-stats", tmp_path / "clean.npz", "--resize", "clean")[0] == 0
    monkeypatch.setattr(evaluate, "image_statistics", lambda *_, **__: pytest.fail("it computes"))
    status, _, err = run("fid", tmp_path / "clean.npz", folders[1], "--save-stats", tmp_path / "b.npz")
    assert (status, err) == (
        2,
        "error: both sets must be computed with the same resize, got bilinear and clean.\n",
    )
    small = pictures(tmp_path / "small", 2, size=(4, 4))
    assert run("fid", small, folders[1], "--save-stats", tmp_path / "b.npz")[0] == 2
    assert not (tmp_path / "b.npz").exists()


def test_saved_statistics_are_not_overwritten_silently(run, folders, tmp_path):
    saved = tmp_path / "s.npz"
    assert run("fid", *folders, "--save-stats", saved)[0] == 0
    before = saved.read_bytes()
    status, _, err = run("fid", *folders[::-1], "--save-stats", saved)
    assert (status, err) == (2, f"error: {saved} exists; name another file or give --overwrite.\n")
    assert saved.read_bytes() == before
    assert run("fid", *folders[::-1], "--save-stats", saved, "--overwrite")[0] == 0
    assert saved.read_bytes() != before


def test_statistics_of_unknown_make_are_compared_with_a_warning(run, folders, tmp_path):
    run("fid", *folders, "--save-stats", tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz") as file:
        np.savez(tmp_path / "foreign.npz", mu=file["mu"], sigma=file["sigma"])
    status, out, err = run("fid", folders[0], tmp_path / "foreign.npz")
    assert (status, table(out)["resize"], table(out)["n"]) == (0, "unknown", "9 and unknown")
    assert err.startswith("warning: it is not known with which weights, resize, precision")


BAD = [
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
    (["fid", "{a}", "missing"], "missing must be a folder of pictures, but is missing."),
    (["fid", "{a}", "missing.npz"], "missing.npz cannot be read: No such file or directory."),
    (["fid", "{a}", "{small}"], "one height and width, got 6 x 5 and 4 x 5"),
    (["fid", "{a}", "{one}"], "FID needs at least 2 images in a set, got 1."),
    (["fid", "{a}", "{b}", "--sampler", "mixture"], "a sampler needs a run, but neither "),
    (["fid", "{a}", "{b}", "--sampler", "flow"], "flow"),
    (["fid", "{a}", "{b}", "--components", "2"], "are options of a mixture; add --sampler mixture."),
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


def test_statistics_that_cannot_be_written_are_one_line(run, folders, tmp_path, monkeypatch):
    def full(path, statistics):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(evaluate, "save_statistics", full)
    status, _, err = run("fid", *folders, "--save-stats", tmp_path / "s.npz")
    assert (status, err) == (1, f"error: No space left on device: {tmp_path / 's.npz'}.\n")
    (tmp_path / "folder.npz").mkdir()
    assert run("fid", *folders, "--save-stats", tmp_path / "folder.npz")[0] == 2


def test_a_distance_of_nothing_has_no_sign():
    recipe = {"weights": "w", "resize": "clean", "precision": "float32"}
    numbers = {"kid": -1e-9, "kid_error": 0.0, "density": 1.0, "coverage": 1.0}
    text = fid_command._text(evaluate.FidResult(fid=-4e-10, n=(9, 9), **numbers, **recipe))
    assert table(text)["FID"] == "0.000"
    assert table(text)["KID"] == "0.000000 ± 0.000000"


def test_pictures_of_8_and_of_16_bits_are_equal(run, tmp_path):
    for name, scale in (("a", 1), ("b", 257)):
        (tmp_path / name).mkdir()
        for i, grey in enumerate(np.random.default_rng(0).integers(0, 256, (9, 6, 5))):
            picture = Image.fromarray((grey * scale).astype(np.uint8 if scale == 1 else np.uint16))
            picture.save(tmp_path / name / f"{i}.png")
    assert table(run("fid", tmp_path / "a", tmp_path / "b")[1])["FID"] == "0.000"
