import jax
import jax.numpy as jnp
import numpy as np
import pytest
from torch_layers import conv, dense, tensors, transposed

from jaxvae import models
from jaxvae.models import ConvVAE

KEY = jax.random.key(0)


def build(**changes):
    return ConvVAE(**({"image_shape": (9, 12, 2), "latent_size": 3, "widths": (2, 4), "hidden": 5} | changes))


def count(model):
    shapes = jax.eval_shape(lambda: models.init(KEY, model))
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize(
    ("latent_size", "skip", "parameters"),
    [(2, False, 210_821), (10, False, 210_821 + 8 * 64 + 2 * 8 * 65), (2, True, 210_821 + 2 * (32 + 16 + 1))],
)
def test_number_of_parameters_is_the_reports(latent_size, skip, parameters):
    assert count(ConvVAE((28, 28, 1), latent_size, skip=skip)) == parameters


def test_network_is_pytorchs():
    """The layers of the report's framework, with the same parameters, give the same posterior and logits."""
    torch = pytest.importorskip("torch")
    model = ConvVAE((28, 28, 1))
    variables = models.init(KEY, model)
    p = tensors(variables["params"])
    image = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    x = torch.from_numpy(image).permute(0, 3, 1, 2)
    for name in ("stages_0", "stages_1"):
        x = torch.relu(conv(x, p[name], stride=2, padding=1))
    x = conv(x, p["narrow"])
    assert x.shape == (3, 64, 1, 1)
    mean, log_variance = dense(x.flatten(1), p["head"]).chunk(2, 1)
    (q,) = models.encode(model, variables, jnp.asarray(image))
    np.testing.assert_allclose(q.mean, mean, atol=1e-5)
    np.testing.assert_allclose(q.stddev, (log_variance / 2).exp(), atol=1e-5)
    x = transposed(dense(mean, p["expand"])[:, :, None, None], p["unstages_0"])
    for name in ("unstages_1", "unstages_2"):
        x = transposed(torch.relu(x), p[name], stride=2, padding=1, output_padding=1)
    logits = model.apply(variables, (jnp.asarray(mean.numpy()),), method="decode")
    np.testing.assert_allclose(logits, x.permute(0, 2, 3, 1), atol=1e-5)


def test_skip_carries_the_code_past_the_stages():
    """With the decoder's first layer cut off, only the skips let images depend on the code."""
    codes = (jnp.eye(3),)
    for skip in (False, True):
        model = build(skip=skip)
        params = dict(models.init(KEY, model)["params"])
        params["expand"] = jax.tree.map(jnp.zeros_like, params["expand"])
        logits = model.apply({"params": params}, codes, method="decode")
        assert bool(jnp.any(jnp.abs(logits[0] - logits[1]) > 1e-4)) == skip
