"""A long training, and what it takes of the machine epoch by epoch."""

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from small_runs import launch

from experiments import vlae_mnist
from jaxvae.train import loop

pytestmark = pytest.mark.slow
EPOCHS = 200
SETTLED = 100
"""Epochs after which nothing may grow: garbage was collected, and buffers and pools have their size."""


def taken():
    """Bytes in memory, open handles and threads of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd")), threading.active_count()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="counts in /proc")
def test_a_long_training_takes_no_more_in_the_end(tmp_path, monkeypatch, capsys):
    samples, save = [], loop.Checkpoints.save

    def save_and_count(self, state):
        save(self, state)
        samples.append(taken())

    monkeypatch.setattr(loop.Checkpoints, "save", save_and_count)
    small = "--preset smoke --limit 96 --batch-size 16 --hidden 8 --widths 4 4 --latent-sizes 2 2"
    arguments = f"{small} --epochs {EPOCHS} --workdir {tmp_path}/run"
    assert launch(vlae_mnist, monkeypatch, arguments) == 0
    assert len(samples) == EPOCHS
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["epoch"] == EPOCHS
    numbers = np.array(samples, np.float64)
    with capsys.disabled():
        for epoch in (1, 10, 50, SETTLED, 150, EPOCHS):
            memory, handles, threads = samples[epoch - 1]
            print(f"\nepoch {epoch}: {memory / 1e6:.1f} MB, {handles} handles, {threads} threads", end="")
        print()
    settled = numbers[SETTLED - 1 :]
    assert (settled.max(axis=0) <= 1.05 * settled[0]).all()
