import errno
import itertools
import json
import os
import re
import shutil
import signal
import sys
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from event_files import curves

from jaxvae import screen, signals, train
from jaxvae.data import Resident, from_arrays
from jaxvae.train import log, loop, trainer
from jaxvae.types import RunStopped

IMAGES = np.random.default_rng(0).integers(0, 256, (14, 2, 2, 1), np.uint8)
SOURCE = Resident(from_arrays(IMAGES, np.full(14, -1), name="noise"), batch_size=2)
PER_EPOCH = SOURCE.steps_per_epoch
REPLICAS = [train.Replica("slow", 0, {"rate": 0.1}), train.Replica("fast", 0, {"rate": 0.5})]
RECORD = {"experiment": "toy", "config": {"epochs": 3}, "data": {}}
assert PER_EPOCH == 7


def losses(given):
    """Distance of noisy images to a mean image, times a weight that differs between replicas."""
    noise = 0.1 * jax.random.normal(given.key, given.batch.image.shape)
    distance = jnp.mean((given.batch.image + noise - given.params["mean"]) ** 2)
    seen = {"count": given.model_state["seen"]["count"] + 1}
    return {"all": given.hyper["rate"] * distance}, ({"seen": seen}, {"loss": distance})


@pytest.fixture(autouse=True, scope="module")
def chunks_of_three():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CHUNK", 3)
        patch.setattr(trainer, "CHUNK", 3)
        yield


def start(workdir, *, replicas=REPLICAS, epochs=3, evaluate=None, ema_decay=0.0, **options):
    recipe = train.Recipe(
        init=lambda key: {
            "params": {"mean": jax.random.normal(key, (1, 2, 2, 1))},
            "seen": {"count": jnp.int32(0)},
        },
        losses=losses,
        players={"all": train.Player(("mean",), optax.sgd(0.5, momentum=0.9))},
        source=SOURCE,
        evaluate=evaluate or (lambda variables, replica: {"mean": float(variables["params"]["mean"].mean())}),
        epochs=epochs,
        ema_decay=ema_decay,
    )
    return train.run(replicas, recipe, workdir=train.Workdir(workdir), record=RECORD, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training of 3 epochs that nothing disturbed, to be left alone."""
    workdir = tmp_path_factory.mktemp("session") / "whole"
    return start(workdir), workdir


@pytest.fixture
def workdir(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def finished(whole, workdir):
    """A copy of that training's directory."""
    return Path(shutil.copytree(whole[1], workdir))


def records(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def contents(workdir):
    return {file: file.read_bytes() for file in workdir.rglob("*") if file.is_file()}


def raise_signal_at(monkeypatch, number, step):
    """Sends a signal to this process when the chunk that begins at `step` is done."""
    check = loop.non_finite_metrics

    def check_and_raise(metrics, first, replicas):
        if first == step:
            os.kill(os.getpid(), number)
        return check(metrics, first, replicas)

    monkeypatch.setattr(loop, "non_finite_metrics", check_and_raise)


def assert_same(actual, expected):
    for a, b in zip(jax.tree.leaves(vars(actual)), jax.tree.leaves(vars(expected)), strict=True):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(a, b)


def test_a_run_leaves_its_files(whole):
    state, workdir = whole
    names = {entry.name for entry in workdir.iterdir()}
    assert names == {"config.json", "metrics.jsonl", "checkpoints", "tensorboard"}
    assert train.Workdir(workdir).read_config() == RECORD
    assert train.Checkpoints(workdir / "checkpoints").steps() == [7, 14, 21]
    expected = []
    for epoch, step in [(1, 3), (1, 6), (1, 7), (2, 10), (2, 13), (2, 14), (3, 17), (3, 20), (3, 21)]:
        for split in ("train", "validation") if step % PER_EPOCH == 0 else ("train",):
            expected += [(replica.variant, 0, epoch, step, split) for replica in REPLICAS]
    written = [(r["variant"], r["seed"], r["epoch"], r["step"], r["split"]) for r in records(workdir)]
    assert written == expected
    last = [r["mean"] for r in records(workdir)[-2:]]
    np.testing.assert_allclose(last, state.params["mean"].mean((1, 2, 3, 4)), rtol=1e-6)
    np.testing.assert_array_equal(state.step, [21, 21])


def test_replicas_are_runs_of_their_own(whole, workdir):
    together = whole[0].params["mean"]
    assert not np.allclose(together[0], together[1])
    alone = start(workdir, replicas=REPLICAS[1:])
    np.testing.assert_allclose(alone.params["mean"][0], together[1], rtol=1e-6)


def test_variants_of_a_seed_differ_in_nothing_else(workdir):
    replicas = [train.Replica(name, seed, {"rate": 0.1}) for name in ("a", "b") for seed in (0, 1)]
    first, other, same, _ = start(workdir, replicas=replicas, epochs=1).params["mean"]
    assert not np.allclose(first, other)
    np.testing.assert_array_equal(first, same)


@pytest.mark.parametrize(
    ("number", "step"),
    [(signal.SIGINT, 7), (signal.SIGTERM, 10), (signal.SIGINT, 13), (signal.SIGHUP, 14), (signal.SIGXCPU, 3)],
    ids=str,
)
def test_an_interrupted_run_goes_on_bit_for_bit(whole, workdir, monkeypatch, number, step):
    expected, undisturbed = whole
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        raise_signal_at(patch, number, step)
        with pytest.raises(
            train.Interrupted, match=f"stopped by {number.name}; the state is saved"
        ) as caught:
            start(workdir)
    assert (caught.value.status, caught.value.resumable) == (128 + number, True)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert max(r["step"] for r in records(workdir)) < 21
    assert_same(start(workdir, resume=True), expected)
    assert records(workdir) == records(undisturbed)


def test_a_killed_run_goes_on_from_its_last_checkpoint_bit_for_bit(whole, workdir, monkeypatch):
    class Killed(BaseException):
        pass

    def die(metrics, first, replicas):
        if first == 13:
            raise Killed
        return {}

    expected, undisturbed = whole
    with monkeypatch.context() as patch:
        patch.setattr(loop, "non_finite_metrics", die)
        with pytest.raises(Killed):
            start(workdir)
    assert records(workdir)[-1]["step"] == 13
    assert_same(start(workdir, resume=True), expected)
    assert records(workdir) == records(undisturbed)
    assert curves(workdir / "tensorboard") == curves(undisturbed / "tensorboard")
    (slow, fast), lines = curves(workdir / "tensorboard").values(), records(workdir)
    assert {step for _, step, _ in slow} == {step for _, step, _ in fast} == {line["step"] for line in lines}


def test_a_finished_run_is_not_trained_further(whole, finished):
    before = records(finished)
    assert_same(start(finished, resume=True), whole[0])
    assert records(finished) == before


def test_a_damaged_checkpoint_is_said_and_the_one_before_used(whole, finished, capsys):
    newest = finished / "checkpoints" / "21"
    file = max((f for f in newest.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
    file.write_bytes(file.read_bytes()[:-1])
    before = records(finished)
    assert_same(start(finished, resume=True), whole[0])
    said = capsys.readouterr().out
    assert "checkpoint 21 is damaged" in said
    assert "continuing from step 14" in said
    assert records(finished) == before


def test_a_deleted_directory_stops_the_run_and_stays_deleted(workdir):
    def evaluate(variables, replica):
        shutil.rmtree(workdir, ignore_errors=True)
        return {"mean": 1.0}

    with pytest.raises(RunStopped, match="no longer holds this run, which stops: it was deleted or moved"):
        start(workdir, evaluate=evaluate)
    assert not workdir.exists()
    start(workdir, epochs=1)


def test_a_moved_directory_stops_the_run_which_goes_on_there_bit_for_bit(whole, workdir, monkeypatch):
    moved = workdir.with_name("moved [here]")
    check = loop.non_finite_state

    def move(state, replicas):
        if int(state.step[0]) == 14:
            workdir.rename(moved)
        return check(state, replicas)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "non_finite_state", move)
        with pytest.raises(RunStopped, match="it was deleted or moved"):
            start(workdir)
    assert not workdir.exists()
    assert_same(start(moved, resume=True), whole[0])
    assert records(moved) == records(whole[1])


def test_a_drive_that_drops_while_a_record_is_written_loses_nothing_that_was_saved(
    whole, workdir, monkeypatch
):
    write = log.append

    def drop(path, content):
        if Path(path).name == "metrics.jsonl" and json.loads(content)["step"] == 13:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), str(path))
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", drop)
        with pytest.raises(OSError, match=os.strerror(errno.ENOTCONN)) as error:
            start(workdir)
    assert error.value.filename == str(workdir / "metrics.jsonl")
    assert_same(start(workdir, resume=True), whole[0])
    assert records(workdir) == records(whole[1])


def test_a_checkpoint_has_a_copy_of_what_the_run_was_started_with(whole, finished):
    (finished / "config.json").write_text("")
    assert_same(start(finished, resume=True), whole[0])
    assert train.Workdir(finished).read_config() == RECORD


def test_a_damaged_list_of_diverged_replicas_is_refused_and_kept(finished):
    diverged = train.Workdir(finished).diverged
    diverged.write_text('{"variant": ')
    before = contents(finished)
    with pytest.raises(ValueError, match=r"diverged\.json is damaged: it must hold a list of replicas"):
        start(finished, resume=True)
    assert contents(finished) == before


@pytest.mark.parametrize(
    "text", ["", "{}", "[3]", '[{"variant": "slow", "seed": 0, "step": 3, "reason": "NaN"}]']
)
def test_a_damaged_list_of_rollbacks_is_one_sentence(tmp_path, text):
    (tmp_path / "rollbacks.json").write_text(text)
    with pytest.raises(
        ValueError, match=r"rollbacks\.json is damaged: .* variant, seed, step, reason, to, rate;"
    ):
        train.read_rollbacks(tmp_path / "rollbacks.json")


def press_twice(metrics, first, replicas):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    return {}


def test_a_signal_that_comes_twice_in_a_moment_is_one(workdir, monkeypatch):
    monkeypatch.setattr(loop, "non_finite_metrics", press_twice)
    with pytest.raises(train.Interrupted):
        start(workdir)
    assert train.Checkpoints(workdir / "checkpoints").steps() == [3]


def test_a_second_signal_acts_at_once(workdir, monkeypatch):
    monkeypatch.setattr(signals, "MOMENT", 0.0)
    monkeypatch.setattr(loop, "non_finite_metrics", press_twice)
    with pytest.raises(KeyboardInterrupt):
        start(workdir)


def test_a_training_needs_neither_the_main_thread_nor_a_screen_nor_a_clock(whole, workdir, monkeypatch):
    """Python hears signals on the main thread only; the clock is set back all the time."""
    seconds = itertools.count(2e9, -1000)
    reader, writer = os.pipe()
    os.close(reader)
    results = []
    with open(writer, "w") as nobody_reads, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", nobody_reads)
        patch.setattr("time.time", lambda: next(seconds))
        patch.setattr("tqdm.std.time", lambda: next(seconds))
        thread = threading.Thread(target=lambda: results.append(start(workdir)))
        thread.start()
        thread.join()
        screen.Stream(nobody_reads).settle()
    assert_same(results[0], whole[0])
    assert records(workdir) == records(whole[1])


def test_a_replica_that_diverges_is_named_and_the_others_go_on_as_if_alone(whole, workdir, capsys):
    replicas = [REPLICAS[0], train.Replica("wild", 3, {"rate": 1e30}), REPLICAS[1]]
    state = start(workdir, replicas=replicas)
    ((lost, reason),) = train.read_diverged(train.Workdir(workdir).diverged).items()
    assert lost == ("wild", 3)
    assert re.fullmatch(r"\w+ became (inf|nan) at step \d+ in replica 'wild, seed 3'", reason)
    assert f"{reason}; the other replicas go on without it." in capsys.readouterr().out
    np.testing.assert_array_equal(state.params["mean"][np.array([0, 2])], whole[0].params["mean"])
    assert records(workdir) == records(whole[1])


def spoil(monkeypatch, *numbers):
    """Lets the loss of some replicas become NaN at step 12."""
    check = loop.non_finite_metrics

    def spoiled(metrics, first, replicas):
        if first == 10:
            loss = np.array(metrics["loss"])
            loss[list(numbers), -1] = np.nan
            metrics = metrics | {"loss": loss}
        return check(metrics, first, replicas)

    monkeypatch.setattr(loop, "non_finite_metrics", spoiled)


def test_a_run_stops_when_its_last_replica_diverges_and_keeps_the_last_good_checkpoint(workdir, monkeypatch):
    spoil(monkeypatch, 0, 1)
    with pytest.raises(
        train.NonFiniteError, match="loss became nan at step 12 in replica 'slow, seed 0'; what was saved"
    ):
        start(workdir)
    assert train.Checkpoints(workdir / "checkpoints").steps() == [7]
    assert not train.Workdir(workdir).diverged.exists()


def test_a_killed_run_forgets_what_diverged_after_its_checkpoint(whole, workdir, monkeypatch):
    diverged = train.Workdir(workdir).diverged
    with monkeypatch.context() as patch:
        spoil(patch, 1)
        raise_signal_at(patch, signal.SIGKILL, 99)
        start(workdir)
    assert list(train.read_diverged(diverged)) == [("fast", 0)]
    assert {record["variant"] for record in records(workdir) if record["step"] > 12} == {"slow"}
    for step in (14, 21):
        shutil.rmtree(workdir / "checkpoints" / str(step))
    assert_same(start(workdir, resume=True), whole[0])
    assert train.read_diverged(diverged) == {}
    assert records(workdir) == records(whole[1])


def test_a_resumed_run_remembers_what_diverged_before_its_checkpoint(workdir, monkeypatch):
    with monkeypatch.context() as patch:
        spoil(patch, 1)
        start(workdir)
    before = records(workdir)
    shutil.rmtree(workdir / "checkpoints" / "21")
    start(workdir, resume=True)
    assert records(workdir) == before


def test_held_out_numbers_that_are_not_finite_are_a_divergence(workdir):
    counts = []

    def evaluate(variables, replica):
        counts.append((int(variables["seen"]["count"]), replica.variant))
        return {"good": 1.0, "bad": np.inf if counts[-1] == (14, "fast") else 0.0}

    start(workdir, evaluate=evaluate)
    reasons = train.read_diverged(train.Workdir(workdir).diverged)
    assert reasons == {("fast", 0): "validation bad became inf at step 14 in replica 'fast, seed 0'"}
    assert counts == [(7, "slow"), (7, "fast"), (14, "slow"), (14, "fast"), (21, "slow")]
    assert all(np.isfinite(record.get("bad", 0.0)) for record in records(workdir))


def test_the_average_is_evaluated_where_there_is_one(workdir):
    seen = []

    def evaluate(variables, replica):
        seen.append(variables["params"]["mean"])
        return {}

    state = start(workdir, epochs=1, ema_decay=0.9, evaluate=evaluate)
    np.testing.assert_array_equal(np.stack(seen), state.ema["mean"])
    assert not np.allclose(state.ema["mean"], state.params["mean"])


def test_a_directory_with_a_run_is_refused_and_left_alone(finished):
    before = contents(finished)
    with pytest.raises(ValueError, match="holds a run already"):
        start(finished)
    assert contents(finished) == before


def test_overwrite_starts_anew(finished):
    start(finished, epochs=1, overwrite=True)
    assert max(r["step"] for r in records(finished)) == PER_EPOCH
    assert train.Checkpoints(finished / "checkpoints").steps() == [PER_EPOCH]


def test_a_refused_run_leaves_no_directory(workdir):
    with pytest.raises(ValueError, match="divisible by the number of devices"):
        start(workdir, parallel=train.Parallel("jit", 3))
    with pytest.raises(ValueError, match="no run to resume"):
        start(workdir, resume=True)
    assert not workdir.exists()


@pytest.mark.parametrize(
    ("place", "terms"), [((1, 2), ("mmd",)), ((0, 0), ("loss",)), ((1, 1), ("loss", "mmd"))], ids=str
)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_wrong_number_is_named(place, terms, value):
    metrics = {name: np.ones((2, 4), np.float32) for name in ("loss", "grad_norm", "mmd")}
    for term in terms:
        metrics[term][place] = value
    metrics["grad_norm"][0, 3] = np.nan
    step, replica = 100 + place[1], REPLICAS[place[0]]
    reasons = train.non_finite_metrics(metrics, 100, dict(enumerate(REPLICAS)))
    assert reasons.pop(place[0]) == f"{', '.join(terms)} became {value} at step {step} in replica '{replica}'"
    assert reasons == (
        {} if place[0] == 0 else {0: "grad_norm became nan at step 103 in replica 'slow, seed 0'"}
    )


def test_finite_numbers_pass():
    metrics = {"loss": np.full((2, 3), 3e38, np.float32)}
    assert train.non_finite_metrics(metrics, 0, dict(enumerate(REPLICAS))) == {}
