"""Figures and the user's own settings of Matplotlib."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from jaxvae.report import Column, curves, embedding, save

OWN = {
    "text.usetex": True,
    "figure.facecolor": "black",
    "axes.facecolor": "black",
    "axes.grid": True,
    "font.family": "serif",
    "font.size": 30,
    "lines.linewidth": 9,
    "xtick.direction": "in",
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "image.cmap": "gray",
    "image.origin": "lower",
}
"""Settings that would change or break a figure; usetex needs LaTeX."""


def draw(folder):
    codes = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    records = [
        {"variant": "a_b", "seed": 0, "epoch": epoch, "step": epoch, "split": split, "kl": 2.0 / epoch}
        for epoch in (1, 2)
        for split in ("train", "validation")
    ]
    return [
        save(folder / "embedding.png", embedding([("level 1", codes)], np.arange(40) % 3)).read_bytes(),
        save(folder / "curves.png", curves(records, [Column(key="kl", title="KL")])).read_bytes(),
        save(folder / "image.png", np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).read_bytes(),
    ]


def test_the_users_settings_neither_break_nor_change_a_figure(tmp_path):
    expected = draw(tmp_path)
    with matplotlib.rc_context(OWN):
        before = dict(matplotlib.rcParams)
        assert draw(tmp_path) == expected
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(("asked", "used"), [("none", None), ("pdf", "pdf")])
def test_a_backend_that_is_not_there_is_done_without_and_one_that_is_stands(asked, used):
    """One file of the package alone, which starts sooner than the whole."""
    file = Path(__file__).parents[2] / "jaxvae" / "report" / "backend.py"
    script = (
        f"import os, runpy; runpy.run_path({str(file)!r}); import matplotlib; print(os.environ['MPLBACKEND'])"
    )
    script += f"; assert {used!r} in (None, matplotlib.rcParams['backend'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"MPLBACKEND": asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{asked}\n", "")
