"""The same benchmark in checkouts of several commits, each in a temporary folder and a process of its own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, BenchmarkError, reason

_MODULE = Path("benchmarks/compiled.py")


def compare(commits: Sequence[str], arguments: Sequence[str]) -> list[dict[str, Any]]:
    """Compiles each commit's programs by its own code.

    Args:
        commits: names that git knows.
        arguments: of `benchmarks.compiled`.

    Returns:
        The rows of all, each with its "commit".

    Raises:
        ValueError: git or a commit is missing, or the commit is older than this benchmark.
        BenchmarkError: a commit's programs do not compile.
    """
    check(commits)
    for commit in commits:
        _git("cat-file", "-e", f"{commit}:{_MODULE}", failure=f"commit {commit!r} has no {_MODULE} yet.")
    rows: list[dict[str, Any]] = []
    for commit in commits:
        with checkout(commit) as folder:
            rows += [row | {"commit": commit} for row in _compile(commit, folder, arguments)]
    return rows


def check(commits: Sequence[str]) -> None:
    """Refuses names that git does not know.

    Args:
        commits: the names.

    Raises:
        ValueError: git or a commit is missing.
    """
    for name in commits:
        _git(
            "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", failure=f"git knows no commit {name!r}."
        )


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Checks a commit out into a temporary folder.

    Args:
        commit: name that git knows.

    Yields:
        The folder.

    Raises:
        ValueError: git cannot.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "checkout")
        failure = f"git cannot check {commit!r} out."
        _git("worktree", "add", "--quiet", "--detach", str(folder), commit, failure=failure)
        try:
            yield folder
        finally:
            _git("worktree", "remove", "--force", str(folder), failure=f"git cannot remove {folder}.")


def _compile(commit: str, folder: Path, arguments: Sequence[str]) -> list[dict[str, Any]]:
    out = folder.with_name("rows.json")
    command = [sys.executable, "-m", "benchmarks.compiled", *arguments, "--out", str(out)]
    # A checkout's folder comes first in the path of `python -m`, before the installed package.
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{commit}: {reason(done.stderr).removeprefix('error: ')}")
    found: list[dict[str, Any]] = json.loads(out.read_text())["rows"]
    return found


def _git(*words: str, failure: str) -> None:
    try:
        subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise ValueError(failure) from None
