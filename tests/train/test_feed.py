"""Training from windows that are loaded ahead is training from the device's memory, to the bit."""

import signal
import threading

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae import train
from jaxvae.data import Resident, Streamed, from_arrays
from jaxvae.train import loop, trainer

DATA = from_arrays(
    np.random.default_rng(0).integers(0, 256, (15, 2, 2, 1), np.uint8), np.full(15, -1), name="noise"
)
REPLICAS = [train.Replica("slow", 0, {"rate": 0.1}), train.Replica("fast", 0, {"rate": 0.5})]
REPLICAS.append(train.Replica("fast", 1, {"rate": 0.5}))
EPOCHS = 3


def losses(inputs):
    image = inputs.batch.image
    noise = 0.1 * jax.random.normal(inputs.key, image.shape)
    distance = jnp.mean((image + noise - inputs.params["mean"]) ** 2)
    return {"all": inputs.hyper["rate"] * distance}, (inputs.model_state, {"loss": distance})


@pytest.fixture(autouse=True)
def chunks_of_three(monkeypatch):
    monkeypatch.setattr(loop, "CHUNK", 3)
    monkeypatch.setattr(trainer, "CHUNK", 3)


def start(workdir, source, *, evaluate=None, **options):
    recipe = train.Recipe(
        init=lambda key: {"params": {"mean": jax.random.normal(key, (1, 2, 2, 1))}},
        losses=losses,
        players={"all": train.Player(("mean",), optax.sgd(0.5, momentum=0.9))},
        source=source,
        evaluate=evaluate or (lambda variables, replica: {"mean": float(variables["params"]["mean"].mean())}),
        epochs=EPOCHS,
    )
    record = {"experiment": "toy", "config": {"epochs": EPOCHS}, "data": {}}
    return train.run(REPLICAS, recipe, workdir=train.Workdir(workdir), record=record, **options)


def assert_same(actual, expected):
    for name in ("step", "params", "opt_state"):
        pairs = zip(
            jax.tree.leaves(getattr(actual, name)), jax.tree.leaves(getattr(expected, name)), strict=True
        )
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("batch_size", "remainder"), [(2, "drop"), (2, "pad"), (4, "pad"), (7, "pad"), (15, "drop")], ids=str
)
def test_streamed_training_is_resident_training(tmp_path, batch_size, remainder):
    held, streamed = (kind(DATA, batch_size=batch_size, remainder=remainder) for kind in (Resident, Streamed))
    assert_same(start(tmp_path / "streamed", streamed), start(tmp_path / "held", held))
    lines = [(tmp_path / kind / "metrics.jsonl").read_text() for kind in ("streamed", "held")]
    assert lines[0] == lines[1]


@pytest.mark.parametrize("parallel", [train.Parallel("jit", 2), train.Parallel("pmap", 2)], ids=str)
def test_on_several_devices_too(tmp_path, parallel):
    held, streamed = (kind(DATA, batch_size=4, remainder="pad") for kind in (Resident, Streamed))
    assert_same(
        start(tmp_path / "streamed", streamed, parallel=parallel),
        start(tmp_path / "held", held, parallel=parallel),
    )


def test_each_device_holds_its_share_of_a_window():
    source, parallel = Streamed(DATA, batch_size=4), train.Parallel("jit", 2)
    rows = np.random.default_rng(1).permutation(15)[:12].reshape(1, 3, 4).astype(np.int32)
    order, arrays = parallel.place_window(source, rows, steps=3)
    assert order.shape == (1, 3, 4)
    for place, (numbers, images) in enumerate(
        zip(order.addressable_shards, arrays["image"].addressable_shards, strict=True)
    ):
        assert images.data.shape == (6, 4)
        wanted = DATA.images[rows[0, :, 2 * place : 2 * place + 2]].reshape(3, 2, 4)
        np.testing.assert_array_equal(np.asarray(images.data)[np.asarray(numbers.data)[0]], wanted)


@pytest.mark.parametrize("at", [3, 6, 7, 10])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, monkeypatch, at):
    class Killed(BaseException):
        pass

    check = loop.non_finite_metrics

    def die(metrics, first, replicas):
        if first == at:
            raise Killed
        return check(metrics, first, replicas)

    source = Streamed(DATA, batch_size=2)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "non_finite_metrics", die)
        with pytest.raises(Killed):
            start(tmp_path / "run", source)
    assert_same(start(tmp_path / "run", source, resume=True), start(tmp_path / "whole", source))


def test_a_stopped_run_goes_on_within_its_epoch(tmp_path, monkeypatch):
    source = Streamed(DATA, batch_size=2)
    check = loop.non_finite_metrics

    def stop(metrics, first, replicas):
        if first == 10:
            signal.raise_signal(signal.SIGTERM)
        return check(metrics, first, replicas)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "non_finite_metrics", stop)
        with pytest.raises(train.Interrupted):
            start(tmp_path / "run", source)
    assert train.Checkpoints(tmp_path / "run" / "checkpoints").steps()[-1] % source.steps_per_epoch == 6
    assert_same(start(tmp_path / "run", source, resume=True), start(tmp_path / "whole", source))


def test_a_finished_run_loads_nothing(tmp_path):
    source = Streamed(DATA, batch_size=2)
    whole = start(tmp_path / "run", source)
    assert_same(start(tmp_path / "run", source, resume=True), whole)


def test_the_next_window_is_loaded_while_steps_run(tmp_path, monkeypatch):
    """The second window is asked for before the first chunk is done, by another thread."""
    loaded = threading.Event()
    threads, windows = set(), []
    window = Streamed.window

    def note(self, rows, *, steps, share):
        threads.add(threading.current_thread())
        windows.append(rows.shape[1])
        if len(windows) == 2:
            loaded.set()
        return window(self, rows, steps=steps, share=share)

    def wait(metrics, first, replicas):
        assert loaded.wait(30)
        return {}

    monkeypatch.setattr(Streamed, "window", note)
    monkeypatch.setattr(loop, "non_finite_metrics", wait)
    start(tmp_path / "run", Streamed(DATA, batch_size=2))
    assert windows == [3, 3, 1] * EPOCHS
    assert len(threads) == 1
    assert threading.main_thread() not in threads


def test_a_failure_of_the_loading_thread_is_raised(tmp_path, monkeypatch):
    def fail(self, rows, **options):
        raise OSError("the disk is gone")

    monkeypatch.setattr(Streamed, "window", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        start(tmp_path / "run", Streamed(DATA, batch_size=2))


def test_only_the_examples_of_two_windows_are_on_the_device(tmp_path, monkeypatch):
    most = []

    def count(metrics, first, replicas):
        most.append(sum(a.dtype == np.uint8 for a in jax.live_arrays()))
        return {}

    monkeypatch.setattr(loop, "non_finite_metrics", count)
    start(tmp_path / "run", Streamed(DATA, batch_size=2))
    assert max(most) <= min(most) + 2
