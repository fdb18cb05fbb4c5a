"""`python -m jaxvae` as far as all commands share it."""

import os
import subprocess
import sys

import pytest
from command_calls import call

from jaxvae import cli


@pytest.mark.parametrize("name", ["", "fit"])
def test_unknown_commands_are_one_line(monkeypatch, capsys, name):
    assert call(monkeypatch, capsys, name) == (
        2,
        "",
        f"error: Unknown command {name!r}; known are draw, fid, sample.\n",
    )


def test_no_command_is_one_line(monkeypatch, capsys):
    assert call(monkeypatch, capsys) == (2, "", "error: Unknown command ''; known are draw, fid, sample.\n")


def test_help_names_the_commands(monkeypatch, capsys):
    status, out, err = call(monkeypatch, capsys, "--help")
    assert (status, err) == (0, "")
    assert "python -m jaxvae fid A B" in out
    assert "python -m jaxvae sample RUN" in out


def test_help_of_a_command_comes_from_the_module():
    command = [sys.executable, "-m", "jaxvae", "fid", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "usage: python -m jaxvae fid" in done.stdout
    for flag in ("--resize", "--max-images", "--save-stats", "--inception", "--sampler"):
        assert flag in done.stdout
    assert "Compares two sets of pictures" in done.stdout


def test_a_result_that_cannot_be_printed_is_one_line(monkeypatch, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as nobody_reads:
        monkeypatch.setattr(sys, "stdout", nobody_reads)
        with pytest.raises(SystemExit) as end:
            cli.finish(lambda: print("FID ± →"))
    assert (end.value.code, capsys.readouterr().err) == (1, "error: Broken pipe: standard output.\n")
