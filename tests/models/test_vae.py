import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import models
from jaxvae.models import VAE

KEY = jax.random.key(0)
INDEX = jnp.arange(4)


def build(**changes):
    return VAE(**({"image_shape": (9, 12, 2), "latent_size": 3, "widths": (2, 4)} | changes))


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (4, 9, 12, 2))


@pytest.fixture(scope="module")
def variables():
    """Values away from the initial ones, where a mistake in their use would not show."""
    shapes = jax.eval_shape(lambda: models.init(KEY, build()))
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        low = 0.2 if path[-1].key in ("scale", "var") else -0.3
        return jnp.asarray(rng.uniform(low, 0.3, leaf.shape), jnp.float32)

    return jax.tree.map_with_path(draw, shapes)


def test_code_is_drawn_from_the_posterior(variables, images):
    run = jax.jit(lambda key: build().apply(variables, key, images, INDEX))
    outputs = [run(jax.random.key(seed)) for seed in range(64)]
    (q,) = outputs[0].posteriors
    draws = np.stack([output.latents[0] for output in outputs])
    scores = (draws - np.asarray(q.mean)) / np.asarray(q.stddev)
    assert abs(scores.mean()) < 0.15
    assert abs(scores.std() - 1) < 0.1
    np.testing.assert_array_equal(outputs[1].posteriors[0].mean, q.mean)


def test_head_puts_out_mean_and_log_variance(variables, images):
    def moved(by):
        head = variables["params"]["head"]
        params = {**variables["params"], "head": head | {"bias": head["bias"] + by}}
        return build().apply({**variables, "params": params}, images, method="encode")[0]

    before, after = moved(jnp.zeros(6)), moved(jnp.array([1.0, 1, 1, 2, 2, 2]))
    np.testing.assert_allclose(after.mean - before.mean, 1, rtol=1e-4)
    np.testing.assert_allclose(after.stddev**2 / before.stddev**2, np.exp(2), rtol=1e-4)


def test_number_of_parameters_is_the_architectures():
    params = jax.eval_shape(lambda: models.init(KEY, VAE((28, 28, 1), 10)))["params"]
    kernels = 16 * (1 * 32 + 32 * 64 + 64 * 128)
    head, expand = 2048 * 20 + 20, 10 * 2048
    norms = 2 * (32 + 64 + 128) + 2 * (128 + 64 + 32)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 2 * kernels + head + expand + norms + 1
