import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae import train
from jaxvae.data import Resident, Streamed, from_arrays

IMAGES = from_arrays(np.ones((40, 4, 4, 1), np.uint8), np.full(40, -1), name="grey")
WIDTH, BATCH = 300, 20
PRODUCTS = 3 * 2 * BATCH * 16 * WIDTH + 2 * 2 * BATCH * WIDTH
"""Operations of forward and backward products, without the gradient of the image and with that of the hidden layer."""


def losses(inputs):
    hidden = inputs.batch.image.reshape(BATCH, 16) @ inputs.params["up"]
    loss = jnp.mean((hidden @ inputs.params["down"]) ** 2)
    return {"up": loss, "down": loss}, (inputs.model_state, {"loss": loss})


def recipe(source):
    return train.Recipe(
        init=lambda key: {
            "params": {"up": jax.random.normal(key, (16, WIDTH)), "down": jnp.ones((WIDTH, 1))}
        },
        losses=losses,
        players={name: train.Player((name,), optax.sgd(1e-3)) for name in ("up", "down")},
        source=source,
        evaluate=lambda variables, replica: {},
        epochs=5,
    )


@pytest.mark.parametrize(
    ("source", "parallel"),
    [
        (Resident(IMAGES, batch_size=BATCH), train.Parallel()),
        (Streamed(IMAGES, batch_size=BATCH), train.Parallel()),
        (Resident(IMAGES, batch_size=BATCH), train.Parallel("pmap", 2)),
        (Resident(IMAGES, batch_size=BATCH), train.ReplicaParallel(devices=2)),
    ],
    ids=["resident", "streamed", "pmap", "replicas"],
)
def test_an_estimate_counts_what_is_trained(source, parallel, monkeypatch):
    monkeypatch.setattr("jaxvae.train.estimation._SECONDS", 0.0)
    replicas = [train.Replica("toy", seed, {}) for seed in range(2)]
    if parallel.mode == "pmap":
        monkeypatch.setattr(f"{__name__}.BATCH", BATCH // 2)
    taken = train.estimate(replicas, recipe(source), parallel=parallel)
    assert taken.parameters == {"up": 16 * WIDTH, "down": WIDTH}
    share = {"pmap": 2, "replicas": 2}.get(_name(parallel), 1)
    assert 0.5 * PRODUCTS * 2 / share < taken.flops < 2 * PRODUCTS * 2 / share
    state = 4 * 17 * WIDTH * 2
    assert state / share < taken.memory < 20 * state
    assert taken.bytes_moved > state / share
    assert (taken.timed, taken.epochs, taken.steps_per_epoch) == (1, 5, 2)
    assert taken.total_seconds == 10 * taken.seconds > 0
    said = str(taken)
    assert "5,100 (up 4,800, down 300), in each of 2 replicas" in said
    assert ("on each of 2 devices" in said) == (parallel.devices == 2)


def _name(parallel):
    return "replicas" if isinstance(parallel, train.ReplicaParallel) else parallel.mode


def test_times_are_said_in_hours():
    numbers = {"flops": 1e9, "bytes_moved": 1e6, "memory": 10**6, "seconds": 0.5, "timed": 4}
    taken = train.Estimate(
        parameters={"all": 1000}, replicas=1, devices=1, epochs=10, steps_per_epoch=1000, **numbers
    )
    assert str(taken).splitlines() == [
        "parameters   1,000",
        "a step       1 GFLOP and 1 MB moved",
        "memory       1 MB",
        "time         0.5 s a step (mean of 4), 1:23:20 h for 10 x 1,000 steps, without validation and report",
    ]
