"""Seconds from the start of an experiment's process to the end of its first dispatch, with nothing compiled before.

    python -m benchmarks.start --commit 3d18590 HEAD

starts the default run of `experiments.vlae_mnist` at both commits in turn, each time with an empty cache of compiled
programs, and ends it when the first losses are in its metrics.jsonl. It has one batch of data, so that its first
dispatch is one step of each replica.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks import checkouts, files
from benchmarks.launch import launch
from benchmarks.processes import BenchmarkError, reason

_LATEST = 600.0
"""Seconds after which a start is given up."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    commit: tuple[str, ...] = ("HEAD",)
    """What to start; ratios are of the first's time to that of each."""

    experiment: str = "vlae_mnist"
    """Module of `experiments` with the flags of all experiments."""

    limit: int = 128
    """Training images: those of one batch."""

    starts: int = 3
    """Of each commit; the median counts."""

    out: Path | None = None
    """JSON file with all seconds."""

    overwrite: bool = False
    """Replace the file that --out names."""


def main(config: Config) -> None:
    """Starts, prints and writes.

    Args:
        config: the flags.

    Raises:
        ValueError: no commits, no starts, or unknown commits.
        BenchmarkError: an experiment ends without a step.
    """
    if min(len(config.commit), config.starts) < 1:
        raise ValueError("at least one commit and one start are needed.")
    checkouts.check(config.commit)
    if config.out:
        files.check(config.out, overwrite=config.overwrite)
    seconds: dict[str, list[float]] = {commit: [] for commit in config.commit}
    with ExitStack() as stack:
        folders = {commit: stack.enter_context(checkouts.checkout(commit)) for commit in seconds}
        for _ in tqdm(range(config.starts), unit="start"):
            for commit, folder in folders.items():
                seconds[commit].append(start(folder, config.experiment, config.limit))
    medians = {commit: statistics.median(of) for commit, of in seconds.items()}
    print("| commit | median s | all s | ratio |\n|--------|----------|-------|-------|")
    for commit, median in medians.items():
        ratio = medians[config.commit[0]] / median
        print(f"| {commit} | {median:.1f} | {' '.join(f'{s:.1f}' for s in seconds[commit])} | {ratio:.2f} |")
    if config.out:
        rows = [
            {"commit": commit, "seconds": of, "median": medians[commit]} for commit, of in seconds.items()
        ]
        files.write(config.out, {"rows": rows})


def start(folder: Path, experiment: str, limit: int) -> float:
    """Starts an experiment with an empty cache and ends it after its first dispatch.

    Args:
        folder: checkout that has the experiment.
        experiment: its name.
        limit: training images.

    Returns:
        Seconds from the start of the process to the first line of metrics.jsonl.

    Raises:
        BenchmarkError: the process ends before, or takes ten minutes.
    """
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile("w+") as errors:
        environment = os.environ | {"XDG_CACHE_HOME": str(Path(home, "cache"))}
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        run = Path(home, "run")
        command = [sys.executable, "-m", f"experiments.{experiment}", "--workdir", str(run)]
        started = time.monotonic()
        process = subprocess.Popen(
            [*command, "--limit", str(limit)],
            cwd=folder,  # comes first in the path of `python -m`, before the installed package
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            while not _has_lines(run / "metrics.jsonl"):
                if process.poll() is not None or time.monotonic() - started > _LATEST:
                    errors.seek(0)
                    raise BenchmarkError(f"{experiment} made no step: {reason(errors.read())}")
                time.sleep(0.01)
            return time.monotonic() - started
        finally:
            process.kill()
            process.wait()


def _has_lines(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
