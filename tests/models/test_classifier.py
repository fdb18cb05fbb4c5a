import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import models
from jaxvae.models import Classifier

KEY = jax.random.key(0)
INDEX = jnp.arange(3)


def test_number_of_parameters_is_the_reports():
    shapes = jax.eval_shape(lambda: models.init(KEY, Classifier((28, 28, 1))))
    convolutions = 9 * (32 + 32 * 64 + 64 * 128 + 128 * 256) + 32 + 64 + 128 + 256
    dense = 4096 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == convolutions + dense


def test_network_is_pytorchs():
    torch = pytest.importorskip("torch")
    model = Classifier((28, 28, 1))
    variables = models.init(KEY, model)
    p = jax.tree.map(lambda leaf: torch.from_numpy(np.array(leaf)), variables["params"])
    image = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    x, maps = torch.from_numpy(image).permute(0, 3, 1, 2), []
    for number in range(4):
        layer = p[f"stages_{number}"]
        kernel = layer["kernel"].permute(3, 2, 0, 1)
        x = torch.relu(torch.conv2d(x, kernel, layer["bias"], stride=2 if number else 1, padding=1))
        maps.append(x.permute(0, 2, 3, 1))
    x = maps[-1].flatten(1)
    for number in range(2):
        x = torch.relu(x @ p[f"dense_{number}"]["kernel"] + p[f"dense_{number}"]["bias"])
    features = model.apply(variables, jnp.asarray(image), method="features")
    for actual, expected in zip(features, (maps[1], maps[3]), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-5)
    np.testing.assert_allclose(model.apply(variables, jnp.asarray(image), method="penultimate"), x, atol=1e-5)
    logits = model.apply(variables, KEY, jnp.asarray(image), INDEX)
    np.testing.assert_allclose(logits, x @ p["to_logits"]["kernel"] + p["to_logits"]["bias"], atol=1e-5)
