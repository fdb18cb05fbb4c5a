"""The warning that bfloat16 is the slower precision."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from jaxvae import cli
from jaxvae.cli.rates import product_rates, warn_if_slower

SLOWER = {"float32": 174e9, "bfloat16": 96e9}
MESSAGE = (
    r"products of bfloat16 run at 96 GFLOP/s on this machine, float32's at 174: --precision float32 is faster"
)


@dataclass(frozen=True, kw_only=True)
class Config(cli.RunConfig):
    """A toy."""

    workdir: Path = Path("runs/toy")


def test_both_rates_are_measured():
    rates = product_rates()
    assert rates.keys() == {"float32", "bfloat16"}
    assert all(1e8 < rate < 1e16 for rate in rates.values())


def test_the_slower_one_is_warned_of_with_both_rates():
    with pytest.warns(UserWarning, match=MESSAGE):
        warn_if_slower(SLOWER)
    warn_if_slower({"float32": 96e9, "bfloat16": 174e9})


def test_only_bfloat16_is_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    measured, configs = [], []
    monkeypatch.setattr(
        sys.modules["jaxvae.cli.launch"], "product_rates", lambda: measured.append(1) or SLOWER
    )
    make = cli.presets(Config)

    def start(*arguments):
        with pytest.raises(SystemExit, match="0"):
            cli.launch(configs.append, make, description="A toy.", arguments=arguments)

    start("--precision", "float32")
    assert measured == []
    with pytest.warns(UserWarning, match=MESSAGE):
        start("--precision", "bfloat16")
    assert [config.precision for config in configs] == ["float32", "bfloat16"]
