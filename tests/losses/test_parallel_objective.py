"""The same global batch on one or several devices: one loss, one gradient, one set of metrics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxvae.losses import compose, dimension_rbf, joint_mmd, kl, mmd, reconstruction
from jaxvae.types import Batch, Output, Posterior

KEY = jax.random.key(3)
STEP = jnp.asarray(0)


class StandardNormal:
    normal_parameters = (0.0, 1.0)

    def sample(self, key, n):
        return jax.random.normal(key, (n, 2))

    def log_prob(self, z):
        return jnp.sum(jax.scipy.stats.norm.logpdf(z), 1)


def batch():
    image = np.random.default_rng(0).random((16, 3, 4, 1), np.float32)
    # Padding is spread unevenly, so that a mean of the devices' own means would be wrong.
    mask = jnp.asarray([1.0] * 11 + [0.0] * 5)
    return Batch(image=jnp.asarray(image), label=jnp.full(16, -1), mask=mask, index=jnp.arange(16))


def model(parameters, batch):
    flat = batch.image.reshape(len(batch.mask), -1)
    mean = flat @ parameters["encoder"]
    posterior = Posterior(mean=mean, stddev=jnp.full_like(mean, 0.3))
    noise = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(KEY, i), (2,)))(batch.index)
    latent = mean + 0.3 * noise
    logits = (latent @ parameters["decoder"]).reshape(batch.image.shape)
    return Output(logits=logits, posteriors=(posterior,), latents=(latent,))


def parameters():
    rng = np.random.default_rng(1)

    def draw(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    return {"encoder": draw(12, 2), "decoder": draw(2, 12)}


def step(estimator):
    prior = StandardNormal()
    terms = {
        "nll": reconstruction("bernoulli"),
        "kl": kl(prior),
        "mmd": mmd(prior, dimension_rbf(), estimator=estimator),
        "joint_mmd": joint_mmd(prior, dimension_rbf()),
    }
    objective = compose(terms, {"nll": 1.0, "kl": 0.5, "mmd": 100.0, "joint_mmd": 30.0})

    def value_and_gradient(parameters, batch):
        def loss(p):
            return objective(KEY, model(p, batch), batch, STEP)

        (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)
        if batch.axis_name is not None:
            value, gradient = jax.lax.pmean((value, gradient), batch.axis_name)
        return value, metrics, gradient

    return value_and_gradient


def assert_same(actual, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), actual, expected)


@pytest.mark.parametrize(("devices", "estimator"), [(2, "biased"), (4, "unbiased")])
def test_pmap_equals_one_device(devices, estimator):
    expected = jax.jit(step(estimator))(parameters(), batch())
    local = step(estimator)
    mapped = jax.pmap(
        lambda p, fields: local(p, Batch(**fields, axis_name="devices")),
        axis_name="devices",
        in_axes=(None, 0),
        devices=jax.devices()[:devices],
    )
    fields = {name: a for name, a in vars(batch()).items() if a is not None}
    every = mapped(parameters(), {k: a.reshape(devices, -1, *a.shape[1:]) for k, a in fields.items()})
    for device in range(devices):
        assert_same(jax.tree.map(lambda a, device=device: a[device], every), expected)


def test_jit_over_a_mesh_equals_one_device():
    expected = jax.jit(step("unbiased"))(parameters(), batch())
    mesh = Mesh(np.asarray(jax.devices()[:4]), ("devices",))
    whole, split = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((), ("devices",)))
    placed = jax.device_put(parameters(), whole), jax.device_put(batch(), split)
    assert_same(jax.jit(step("unbiased"))(*placed), expected)
