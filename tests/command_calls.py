"""`python -m jaxvae` called in this process."""

import sys

import pytest

from jaxvae import __main__ as program


def call(monkeypatch, capsys, *arguments):
    """Runs with these arguments: exit status, what it printed, and what it said on stderr."""
    monkeypatch.setattr(sys, "argv", ["jaxvae", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        program.command_line()
    return end.value.code, *capsys.readouterr()
