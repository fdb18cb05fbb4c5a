import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae.evaluate import objective_evaluator
from jaxvae.losses import compose
from jaxvae.types import Output

KEY = jax.random.key(0)


def doubled(key, variables, batch):
    return Output(logits=variables["gain"] * batch.image, posteriors=(), latents=())


def brightness(key, output, batch):
    return output.logits.mean((1, 2, 3))


def brightest(key, output, batch):
    return jnp.max(output.logits.mean((1, 2, 3)) * batch.mask)


def noise(key, output, batch):
    return jax.random.normal(key, batch.mask.shape)


@pytest.fixture
def variables():
    return {"gain": jnp.float32(2)}


def test_term_per_example_is_exact_and_term_of_a_set_is_its_minibatch_value(images, cut, variables):
    objective = compose(
        {"mean": brightness, "max": brightest}, {"mean": 0.0, "max": optax.linear_schedule(0.0, 1.0, 10)}
    )
    actual = objective_evaluator(doubled, objective)(KEY, variables, cut(images, 8))
    each = 2 * images.mean((1, 2, 3), dtype=np.float64)
    assert actual.keys() == {"mean", "max"}
    np.testing.assert_allclose(actual["mean"], each.mean(), rtol=1e-6)
    expected = np.average([each[:8].max(), each[8:16].max(), each[16:].max()], weights=[8, 8, 5])
    np.testing.assert_allclose(actual["max"], expected, rtol=1e-6)


def test_terms_draw_apart_from_the_model(images, cut, variables):
    def forward(key, variables, batch):
        draws = jax.random.normal(jax.random.fold_in(key, 0), batch.mask.shape)
        return Output(logits=batch.image, posteriors=(), latents=(draws[:, None],))

    def same(key, output, batch):
        return jnp.abs(noise(key, output, batch) - output.latents[0][:, 0])

    actual = objective_evaluator(forward, compose({"same": same}, {"same": 1.0}))(
        KEY, variables, cut(images, 21)
    )
    assert actual["same"] > 0.1


def test_compiles_once_for_every_replica_and_epoch(images, cut, variables):
    traces = []

    def counted(key, output, batch):
        traces.append(None)
        return brightness(key, output, batch)

    evaluator = objective_evaluator(doubled, compose({"mean": counted}, {"mean": 1.0}))
    for replica in range(3):
        evaluator(jax.random.key(replica), {"gain": jnp.float32(replica)}, cut(images, 8))
    assert len(traces) == 1
