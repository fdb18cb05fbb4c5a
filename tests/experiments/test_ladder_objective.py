from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.vlae_mnist import Config, LossConfig, make_training
from jaxvae import losses, models
from jaxvae.types import Batch, Output, Posterior


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(0)
    image = jnp.asarray(rng.random((4, 12, 12, 1)), jnp.float32)
    posteriors = tuple(Posterior(jnp.ones((4, 2)), jnp.full((4, 2), 0.5)) for _ in range(2))
    latents = tuple(jnp.asarray(rng.normal(size=(4, 2)), jnp.float32) for _ in range(2))
    output = Output(jnp.zeros((4, 12, 12, 1)), posteriors, latents)
    return output, Batch(image, jnp.zeros(4, jnp.int32), jnp.ones(4), jnp.arange(4))


def objective(**weights):
    """The loss of a training of ten steps an epoch."""
    experiment = SimpleNamespace(batches=(), steps=lambda epochs=5: 10 * epochs)
    ladder = models.VLAE((12, 12, 1), (2, 2), (2, 2), 4)
    training = make_training(Config(loss=LossConfig(**weights)), experiment, ladder)
    return losses.compose(training.terms, training.weights)


@pytest.mark.parametrize(
    ("warmup", "step", "share"),
    [(0, 0, 1.0), (0, 99, 1.0), (2, 0, 0.0), (2, 10, 0.5), (2, 20, 1.0), (2, 99, 1.0)],
)
def test_the_kl_weight_rises_over_its_warm_up_and_stays(example, warmup, step, share):
    loss, metrics = objective(kl=3.0, kl_warmup=warmup)(jax.random.key(0), *example, jnp.int32(step))
    np.testing.assert_allclose(metrics["kl_weighted"], 3.0 * share * metrics["kl"], rtol=1e-6)
    weighted = sum(value for name, value in metrics.items() if name.endswith("_weighted"))
    np.testing.assert_allclose(loss, weighted, rtol=1e-6)


def test_the_weights_are_those_of_the_configuration(example):
    _, metrics = objective(ssim=7.0, mmd=11.0)(jax.random.key(0), *example, jnp.int32(0))
    for name, weight in {"reconstruction": 1.0, "ssim_loss": 7.0, "mmd": 11.0, "kl": 0.0}.items():
        np.testing.assert_allclose(metrics[f"{name}_weighted"], weight * metrics[name], rtol=1e-6)
        assert metrics[name] != 0
