"""What becomes of a training in which a number is infinite or NaN: skipped steps, a way back, a stop."""

import json
import signal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae import train
from jaxvae.data import Resident, from_arrays
from jaxvae.train import loop, rollback, trainer
from jaxvae.types import Batch

SOURCE = Resident(from_arrays(np.zeros((7, 1, 1, 1), np.uint8), np.full(7, -1), name="black"), batch_size=1)
PER_EPOCH = SOURCE.steps_per_epoch
assert PER_EPOCH == 7


@pytest.fixture(autouse=True, scope="module")
def chunks_of_three():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CHUNK", 3)
        patch.setattr(trainer, "CHUNK", 3)
        yield


def start(workdir, losses, replicas, *, epochs, optimizer=None, resume=False, **options):
    recipe = train.Recipe(
        init=lambda key: {"params": {"w": jnp.ones(2)}, "seen": {"count": jnp.int32(0)}},
        losses=losses,
        players={"all": train.Player(("w",), optimizer or optax.sgd(1.0))},
        source=SOURCE,
        evaluate=lambda variables, replica: {"w": float(variables["params"]["w"][0])},
        epochs=epochs,
        **options,
    )
    record = {"experiment": "toy", "config": {}, "data": {}}
    return train.run(replicas, recipe, workdir=train.Workdir(workdir), record=record, resume=resume)


def slope(inputs):
    """A loss of constant gradient, NaN from one step on for as many steps as a replica is told."""
    first, last = inputs.hyper["first"], inputs.hyper["first"] + inputs.hyper["count"]
    step = inputs.step.astype(jnp.float32)
    poisoned = (step >= first) & (step < last)
    loss = jnp.sum(inputs.params["w"]) * jnp.where(poisoned, jnp.nan, 1.0)
    return {"all": loss}, ({"seen": {"count": inputs.model_state["seen"]["count"] + 1}}, {"loss": loss})


def poisoned(name, first, count):
    return train.Replica(name, 0, {"first": float(first), "count": float(count)})


def records(workdir, variant):
    lines = map(json.loads, (workdir / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["variant"] == variant and line["split"] == "train"]


def test_a_step_without_a_finite_gradient_is_left_out_and_counted(tmp_path):
    replicas = [poisoned("well", 0, 0), poisoned("twice", 2, 2), poisoned("all", 3, 3), poisoned("ill", 6, 4)]
    state = start(
        tmp_path, slope, replicas, epochs=2, skip_nonfinite=3, ema_decay=0.5, optimizer=optax.sgd(1.0, 0.0)
    )
    made = [14, 12, 11, 10]
    np.testing.assert_array_equal(state.params["w"][:3], [[1.0 - n] * 2 for n in made[:3]])
    np.testing.assert_array_equal(state.model_state["seen"]["count"][:3], made[:3])
    np.testing.assert_array_equal(state.step, [14] * 4)
    np.testing.assert_array_equal(state.skips["total"], [0, 2, 3, 3])
    assert np.isfinite(np.asarray(state.params["w"])).all()
    assert np.isfinite(np.asarray(state.ema["w"])).all()
    ((lost, reason),) = train.read_diverged(train.Workdir(tmp_path).diverged).items()
    assert lost == ("ill", 0)
    assert "became nan at step 9 in replica 'ill, seed 0'" in reason
    assert [line["skipped"] for line in records(tmp_path, "twice")] == [1, 1, 0, 0, 0, 0]
    assert [line["loss"] for line in records(tmp_path, "twice")[:2]] == [1.0, -3.0]
    gap = records(tmp_path, "all")[1]
    assert (gap["step"], gap["skipped"]) == (6, 3)
    assert "loss" not in gap


def test_skips_in_a_row_are_counted_across_a_checkpoint(tmp_path):
    replicas = [poisoned("well", 0, 0), poisoned("ill", 5, 4)]
    for epochs in (1, 2):
        start(tmp_path, slope, replicas, epochs=epochs, skip_nonfinite=3, resume=epochs == 2)
    (reason,) = train.read_diverged(train.Workdir(tmp_path).diverged).values()
    assert "became nan at step 8 in" in reason


def test_a_step_looks_for_no_infinities_where_none_may_be_left_out():
    players = {"all": train.Player(("w",), optax.adam(1.0))}
    batch = Batch(jnp.zeros((1, 1, 1, 1)), jnp.zeros(1, int), jnp.ones(1), jnp.arange(1))
    variables = {"params": {"w": jnp.ones(2)}, "seen": {"count": jnp.int32(0)}}
    hyper = {"first": jnp.float32(0), "count": jnp.float32(0)}
    shown = []
    for skips in (False, True):
        step = train.make_step(slope, players)
        step = train.skipping(step, players, most=1) if skips else step
        state = train.init_state(jax.random.key(0), variables, players, hyper=hyper, skips=skips)
        shown.append("is_finite" in str(jax.make_jaxpr(step)(state, batch)))
    assert shown == [False, True]
    with pytest.raises(ValueError, match="at least 1 step in a row, got 0"):
        train.skipping(step, players, most=0)


def bowl(inputs):
    """Half of c w^2, of which gradient descent of rate 1 makes w (1 - c); infinite beyond 10."""
    w = inputs.params["w"]
    loss = jnp.sum(jnp.where(jnp.abs(w) < 10, 1.0, jnp.inf) * inputs.hyper["c"] * w**2 / 2)
    return {"all": loss}, (inputs.model_state, {"loss": loss})


CALM, SLOW, WILD = (train.Replica(n, 0, {"c": c}) for n, c in (("calm", 0.5), ("slow", 2.1), ("wild", 30.0)))


def test_a_replica_goes_back_with_half_the_rate_and_the_others_end_where_they_would_have(tmp_path, capsys):
    run = tmp_path / "run"
    expected = start(tmp_path / "alone", bowl, [CALM], epochs=4)
    state = start(run, bowl, [CALM, SLOW], epochs=4, rollback=True)
    w = np.asarray(state.params["w"])[:, 0]
    assert w[0] == np.asarray(expected.params["w"])[0, 0]
    assert w[1] == pytest.approx((1 - 2.1) ** 21 * (1 - 1.05) ** 7, rel=1e-4)
    assert records(run, "calm") == records(tmp_path / "alone", "calm")
    assert not train.Workdir(run).diverged.exists()
    ((variant, seed, why),) = train.read_rollbacks(train.Workdir(run).rollbacks)
    assert (variant, seed) == ("slow", 0)
    assert why.endswith(
        "at step 25 in replica 'slow, seed 0'; went on from step 21 at 0.5 of its learning rate"
    )
    assert "going on from step 21 at 0.5 of its learning rate." in capsys.readouterr().out
    (run / "checkpoints" / "28").rename(tmp_path / "28")
    again = start(run, bowl, [CALM, SLOW], epochs=4, rollback=True, resume=True)
    np.testing.assert_array_equal(again.params["w"], state.params["w"])
    assert len(train.read_rollbacks(train.Workdir(run).rollbacks)) == 1


def test_a_replica_that_went_back_three_times_is_lost(tmp_path):
    state = start(tmp_path, bowl, [CALM, WILD], epochs=1, rollback=True)
    entries = json.loads(train.Workdir(tmp_path).rollbacks.read_text())
    assert [(entry["to"], entry["rate"]) for entry in entries] == [(0, 0.5), (0, 0.25), (0, 0.125)]
    assert list(train.read_diverged(train.Workdir(tmp_path).diverged)) == [("wild", 0)]
    assert np.asarray(state.params["w"])[0, 0] == 0.5**7
    assert [line["step"] for line in records(tmp_path, "calm")] == [3, 6, 7]


def test_a_killed_run_forgets_that_it_went_back_to_a_checkpoint_that_it_has_lost(tmp_path):
    path = tmp_path / "rollbacks.json"
    went_back = rollback.Rollbacks(path, [CALM, SLOW], step=7)
    went_back.add(rollback.RollBack({1: "it broke"}, step=9), to=7)
    np.testing.assert_array_equal(rollback.Rollbacks(path, [CALM, SLOW], step=7).rates, [1, 0.5])
    np.testing.assert_array_equal(rollback.Rollbacks(path, [CALM, SLOW], step=0).rates, [1, 1])
    assert train.read_rollbacks(path) == []


def test_a_replica_that_diverges_stops_the_others_if_asked_and_they_go_on_if_asked(tmp_path):
    replicas = [poisoned("well", 0, 0), poisoned("ill", 9, 9)]
    with pytest.raises(train.NonFiniteError, match=r"at step 9 in .*--resume --on-nan drop\.$"):
        start(tmp_path, slope, replicas, epochs=2, on_nan="stop")
    assert train.Checkpoints(tmp_path / "checkpoints").steps() == [7]
    assert not train.Workdir(tmp_path).diverged.exists()
    state = start(tmp_path, slope, replicas, epochs=2, resume=True)
    np.testing.assert_array_equal(state.params["w"][0], [-13, -13])
    assert list(train.read_diverged(train.Workdir(tmp_path).diverged)) == [("ill", 0)]


def test_a_signal_is_heard_while_a_replica_diverges(tmp_path, monkeypatch):
    check = loop.non_finite_metrics

    def press(metrics, first, replicas):
        if first == 3:
            signal.raise_signal(signal.SIGINT)
        return check(metrics, first, replicas)

    monkeypatch.setattr(loop, "non_finite_metrics", press)
    with pytest.raises(train.Interrupted):
        start(tmp_path, slope, [poisoned("ill", 4, 9)], epochs=1, rollback=True)
