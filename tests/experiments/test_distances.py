"""Images changed to equal errors, and what distances say of them."""

import json
import shlex
import sys

import numpy as np
import pytest

from experiments.vae_gan_hybrids import __main__ as hybrids
from experiments.vae_gan_hybrids import distances
from experiments.vae_gan_hybrids.distortions import CHANGES, equalized, shifted
from jaxvae import cli, report

IMAGES = np.random.default_rng(0).random((5, 12, 20, 3), np.float32)


def error(images):
    return np.square(images - IMAGES, dtype=np.float64).mean(axis=(1, 2, 3))


@pytest.mark.parametrize("change", sorted(set(CHANGES) - {"rotation"}))
def test_a_change_is_as_large_as_asked(change):
    target = np.linspace(1e-4, 0.03, len(IMAGES))
    changed = equalized(IMAGES, target, change)
    np.testing.assert_allclose(error(changed), target, rtol=1e-3)
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_a_rotation_is_the_first_that_is_large_enough():
    smooth = np.broadcast_to(np.linspace(0, 1, 20, dtype=np.float32)[None, None, :, None], IMAGES.shape)
    changed = equalized(smooth, np.full(5, 0.02), "rotation")
    errors = np.square(changed - smooth, dtype=np.float64).mean(axis=(1, 2, 3))
    assert (errors >= 0.02).all()
    assert (errors < 0.03).all()


def test_what_cannot_be_changed_that_much_is_changed_as_far_as_it_can_be():
    flattened = equalized(IMAGES, np.full(5, 0.9), "less contrast")
    assert np.ptp(flattened, axis=(1, 2, 3)).max() < 1e-5
    np.testing.assert_array_equal(equalized(IMAGES, np.zeros(5), "noise"), IMAGES)


def test_a_shift_moves_to_the_right():
    moved = shifted(IMAGES, 3)
    np.testing.assert_array_equal(moved[:, :, 3:], IMAGES[:, :, :-3])
    np.testing.assert_array_equal(moved[:, :, :3], np.repeat(IMAGES[:, :, :1], 3, axis=2))


def test_blocks_of_the_least_step_are_the_image():
    _, blocks = CHANGES["blocks of JPEG"]
    np.testing.assert_allclose(blocks(IMAGES, 1e-5), IMAGES, atol=1e-4)
    flat = blocks(IMAGES[:, :8, :8], 100.0)
    assert np.ptp(flat, axis=(1, 2)).max() == 0


def test_words_name_the_ends():
    def row(name, **values):
        return report.Row(name=name, metrics=report.summarize([values]))

    rows = [row("blur", ssim=0.5, feature_distance=0.4), row("noise", ssim=0.9, feature_distance=0.1)]
    assert list(distances.equal_words(rows)) == [
        "At one squared error, SSIM goes from 0.500 (blur) to 0.900 (noise).",
        "At one squared error, Feature distance goes from 0.100 (noise) to 0.400 (blur).",
    ]
    assert list(distances.shift_words([row("2 px", mse_share=0.5, feature_distance=0.1)])) == [
        "A shift of 2 px costs 0.500 of the squared error between two images and 0.100 of their distance in features."
    ]


def launch(monkeypatch, arguments):
    monkeypatch.setattr(sys, "argv", [hybrids.__name__, *shlex.split(arguments)])
    with pytest.raises(SystemExit) as end:
        cli.launch_one(hybrids.EXPERIMENTS, description=hybrids.__doc__)
    return end.value.code


def test_a_run_leaves_two_tables_and_two_figures(monkeypatch, tmp_path):
    flags = "--preset smoke --limit 40 --images 20 --epochs 1 --batch-size 20 --longest 2"
    assert launch(monkeypatch, f"distances {flags} --workdir {tmp_path}/run") == 0
    rows = {row["name"]: row for row in json.loads((tmp_path / "run/results.json").read_text())["rows"]}
    assert list(rows) == ["shift by 1", *CHANGES, "1 px", "2 px"]
    errors = {name: row["metrics"]["mse"]["mean"] for name, row in rows.items()}
    for name in set(CHANGES) - {"rotation"}:
        assert errors[name] == pytest.approx(errors["shift by 1"], rel=1e-3)
    assert rows["1 px"]["metrics"] == rows["shift by 1"]["metrics"]
    assert {path.name for path in (tmp_path / "run/figures").iterdir()} == {"equal.png", "shifts.png"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--seeds 2", "--seeds must be 1, got 2"),
        ("--image-size 8", "at least 11 x 11 pixels, got 8"),
        ("--images 1", "images must be at least 2, got 1"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(flags, message, monkeypatch, capsys, tmp_path):
    assert (
        launch(
            monkeypatch,
            f"distances --preset smoke --limit 20 --batch-size 20 {flags} --workdir {tmp_path}/run",
        )
        == 2
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "run").exists()
