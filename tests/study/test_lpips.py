import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import losses, models, study
from jaxvae.models.vgg import WIDTHS, PerceptualWeights


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
