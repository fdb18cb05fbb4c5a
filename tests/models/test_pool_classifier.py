import jax
import jax.numpy as jnp
import numpy as np
import pytest
from torch_layers import conv, dense, tensors

from jaxvae import models
from jaxvae.models import PoolClassifier

KEY = jax.random.key(0)
INDEX = jnp.arange(3)


def build(**changes):
    return PoolClassifier(**({"image_shape": (9, 12, 2), "classes": 4, "widths": (2, 3)} | changes))


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (3, 9, 12, 2))


def test_number_of_parameters():
    shapes = jax.eval_shape(lambda: models.init(KEY, PoolClassifier((28, 28, 1))))
    layers = (9 * 16 + 16) + (9 * 16 * 32 + 32) + (7 * 7 * 32 * 10 + 10)
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == layers == 20_490


def test_network_is_pytorchs(images):
    """Also where a side is odd: PyTorch's `ceil_mode`."""
    torch = pytest.importorskip("torch")
    variables = models.init(KEY, build(initialization="pytorch"))
    p = tensors(variables["params"])
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
    for name in ("stages_0", "stages_1"):
        x = torch.relu(conv(x, p[name], padding=1))
        x = torch.nn.functional.max_pool2d(x, 2, ceil_mode=True)
    expected = dense(x.permute(0, 2, 3, 1).flatten(1), p["to_logits"])
    np.testing.assert_allclose(build().apply(variables, KEY, images, INDEX), expected, atol=1e-5)
