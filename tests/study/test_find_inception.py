from pathlib import Path

import pytest

from jaxvae import cli, evaluate, study


def missing(path):
    raise evaluate.InceptionNotFoundError("There are no Inception weights here.")


def config(**flags):
    return cli.SamplesConfig(workdir=Path("run"), **flags)


def test_without_weights_there_is_no_fid_and_a_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "load_inception", missing)
    assert study.find_inception(config()) is None
    assert "There will be no FID. There are no Inception weights here." in "".join(capsys.readouterr())


def test_weights_are_not_looked_for_when_nobody_wants_fid(monkeypatch):
    monkeypatch.setattr(evaluate, "load_inception", lambda path: pytest.fail("looked for"))
    assert study.find_inception(config(fid=False)) is None


def test_weights_come_from_the_file_that_is_named(monkeypatch):
    found = evaluate.Inception({}, "some")
    monkeypatch.setattr(evaluate, "load_inception", {Path("some"): found}.__getitem__)
    assert study.find_inception(config(inception=Path("some"))) is found
