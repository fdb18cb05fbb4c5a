"""Files of a run with random damage: whoever reads them gets what is left, or the documented error."""

import io
import json
import os
import shutil
import time
import warnings
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import jaxvae
from jaxvae import report, train
from jaxvae.records import read_lines

pytestmark = pytest.mark.fuzz

SECONDS = float(os.environ.get("JAXVAE_FUZZ_SECONDS", "600"))
RUN = Path(__file__).parent / "runs_0_1_0" / "ladder"
RUN_OF_PARTS = RUN.with_name("aae")
HEAD = {"variant": "with SSIM", "seed": 0, "epoch": 1, "step": 2, "split": "train", "loss": 1.5}
DIVERGED = [{"variant": "with SSIM", "seed": 3, "step": 2, "reason": "loss became nan"}]
ROLLBACKS = [DIVERGED[0] | {"to": 1, "rate": 0.5}]
MEASURE = {"variant": "a", "seed": 0, "metrics": {"bce": 1.0}}
RESULTS = {"experiment": "toy", "rows": [{"name": "a", "metrics": {}, "published": {}, "note": ""}]}

_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_values = st.recursive(
    _leaves, lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3)
)


def places(tree, path=()):
    """Paths to all values in a tree of JSON."""
    yield path
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield from places(tree[key], (*path, key))


def replaced(tree, path, value):
    if not path:
        return value
    copied = tree.copy()
    if len(path) == 1 and value is DROPPED:
        del copied[path[0]]
    else:
        copied[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copied


DROPPED = object()


@st.composite
def altered(draw, tree):
    """The tree's JSON with one or two values altered or dropped."""
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(places(tree))))
        tree = replaced(tree, path, draw(_values) if not path else draw(_values | st.just(DROPPED)))
    return json.dumps(tree).encode()


@st.composite
def spoilt(draw, content):
    """The bytes with some cut, put in, turned over or zeroed."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        end = draw(st.integers(at, min(len(content), at + 40)))
        content = (
            content[:at]
            + draw(st.binary(max_size=20) | st.just(bytes(end - at)) | st.just(b""))
            + content[end:]
        )
    return content if draw(st.booleans()) else content[: draw(st.integers(0, len(content)))]


def lines(record):
    whole = json.dumps(record).encode()
    line = altered(record) | spoilt(whole) | st.just(whole)
    return st.tuples(st.lists(line, max_size=4), st.booleans()).map(
        lambda drawn: b"\n".join([*drawn[0], *([b""] if drawn[1] else [])])
    )


def load(folder):
    jaxvae.load(folder)


def resume(folder):
    """What `train.run` does with a directory before it trains."""
    workdir = train.Workdir(folder)
    record = json.loads((RUN / "config.json").read_text())
    workdir.open(record, resume=True, overwrite=False)
    replicas = [train.Replica(r["variant"], r["seed"], r["hyper"]) for r in record["replicas"]]
    train.Standing(workdir.diverged, replicas, step=2)
    train.MetricLog(workdir.metrics, workdir.tensorboard, replicas, step=2)
    report.read_records(workdir.metrics)


def read(folder):
    report.read_records(folder / "metrics.jsonl")


def go_back(folder):
    train.read_rollbacks(folder / "rollbacks.json")


def measure(folder):
    read_lines(folder / "measures.jsonl", lambda record: "metrics" in record)


def damaged(tree):
    return altered(tree) | spoilt(json.dumps(tree).encode())


CONFIG, PARTS = (json.loads((run / "config.json").read_text()) for run in (RUN, RUN_OF_PARTS))
SUMS = "checkpoints/2/SHA256SUMS"
READERS = {
    "config.json by load": (RUN, "config.json", load, damaged(CONFIG)),
    "config.json by resume": (RUN, "config.json", resume, damaged(CONFIG)),
    "config.json of parts": (RUN_OF_PARTS, "config.json", load, damaged(PARTS)),
    "checksums": (RUN, SUMS, load, spoilt((RUN / SUMS).read_bytes())),
    "metrics.jsonl by resume": (RUN, "metrics.jsonl", resume, lines(HEAD)),
    "metrics.jsonl by report": (RUN, "metrics.jsonl", read, lines(HEAD)),
    "diverged.json by load": (RUN, "diverged.json", load, damaged(DIVERGED)),
    "diverged.json by resume": (RUN, "diverged.json", resume, damaged(DIVERGED)),
    "rollbacks.json": (RUN, "rollbacks.json", go_back, damaged(ROLLBACKS)),
    "measures.jsonl": (RUN, "measures.jsonl", measure, lines(MEASURE)),
    "results.json by resume": (RUN, "results.json", resume, damaged(RESULTS)),
}


@pytest.mark.parametrize(("run", "name", "reader", "contents"), READERS.values(), ids=READERS)
def test_damage_is_only_ever_the_documented_error(run, name, reader, contents, tmp_path):
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    end, counts = time.monotonic() + SECONDS, Counter()

    @settings(
        max_examples=500,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(contents)
    def attempt(content):
        if time.monotonic() > end:
            return
        for file in folder.glob("*.json*"):
            file.unlink()
        shutil.copy(run / "config.json", folder)
        (folder / name).write_bytes(content)
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            try:
                reader(folder)
            except (ValueError, train.CheckpointError) as refusal:
                error = refusal
            else:
                error = None
        assert error is None or type(error) in (ValueError, train.CheckpointError), repr(error)
        assert "\n" not in str(error), str(error)
        counts["read" if error is None else "refused"] += 1

    while time.monotonic() < end:
        attempt()
    print(f"\n{name} by {reader.__name__}: {dict(counts)}")
    assert counts["read"]
