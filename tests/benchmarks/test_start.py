"""What `python -m benchmarks.start` measures, in a small repository whose experiment writes when it makes a step."""

import json
import subprocess

import pytest

from benchmarks import checkouts, start
from benchmarks.processes import BenchmarkError

EXPERIMENT = """
import os, pathlib, sys, time
assert not any(pathlib.Path(os.environ["XDG_CACHE_HOME"]).parent.iterdir()), "each start has an empty cache"
assert sys.argv[3:] == ["--limit", "128"]
run = pathlib.Path(sys.argv[2])
run.mkdir()
(run / "metrics.jsonl").touch()
time.sleep({seconds})
(run / "metrics.jsonl").write_text("{{}}")
time.sleep(60)
"""


@pytest.fixture
def repository(monkeypatch, tmp_path):
    """Two commits, whose experiment makes its first step after 1 and after 0 seconds."""
    module = tmp_path / "repository" / "experiments" / "toy.py"
    module.parent.mkdir(parents=True)
    module.with_name("__init__.py").touch()
    git = ["git", "-C", str(tmp_path / "repository"), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for seconds in (1, 0):
        module.write_text(EXPERIMENT.format(seconds=seconds))
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "toy"], check=True)
    monkeypatch.setattr(checkouts, "ROOT", tmp_path / "repository")
    return tmp_path


def test_commits_are_started_in_turn_and_compared(repository, capsys):
    out = repository / "start.json"
    start.main(start.Config(commit=("HEAD~1", "HEAD"), experiment="toy", starts=2, out=out))
    slow, fast = json.loads(out.read_text())["rows"]
    assert (slow["commit"], fast["commit"]) == ("HEAD~1", "HEAD")
    assert (len(slow["seconds"]), len(fast["seconds"])) == (2, 2)
    assert slow["median"] > 1 + min(fast["seconds"]) / 2
    assert f"{slow['median'] / fast['median']:.2f}" in capsys.readouterr().out


def test_an_experiment_that_ends_without_a_step_is_an_error(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").touch()
    (tmp_path / "experiments" / "toy.py").write_text("raise SystemExit('error: no data.')")
    with pytest.raises(BenchmarkError, match=r"toy made no step: error: no data\."):
        start.start(tmp_path, "toy", 128)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"commit": ()}, "at least one commit"),
        ({"starts": 0}, "at least one commit and one start"),
        ({"commit": ("nothing",)}, "no commit 'nothing'"),
    ],
)
def test_flags_that_start_nothing_are_refused(flags, sentence):
    with pytest.raises(ValueError, match=sentence):
        start.main(start.Config(**flags))
