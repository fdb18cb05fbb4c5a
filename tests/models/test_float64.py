"""How far float32 gradients of a whole model are from float64, beside those of plain Flax layers."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxvae import models
from jaxvae.models.layers import EPSILON
from jaxvae.models.layouts import LAYOUTS
from jaxvae.models.stages import stage_sizes
from jaxvae.types import Posterior

LATENT = 8
SEEDS = 3


class Plain(nn.Module):
    """`jaxvae.models.VAE` of Flax's own layers: XLA's convolutions, nn.BatchNorm, nn.relu. Parameters are the same."""

    image_shape: tuple[int, int, int]
    widths: tuple[int, ...]

    def setup(self):
        sizes = stage_sizes(self.image_shape[:2], len(self.widths))
        self.low = (*sizes[-1], self.widths[-1])
        norm = partial(nn.BatchNorm, use_running_average=False, epsilon=EPSILON, use_fast_variance=False)
        square = {"kernel_size": (4, 4), "strides": (2, 2)}
        self.stages = [nn.Conv(width, use_bias=False, **square) for width in self.widths]
        self.stage_norms = [norm() for _ in self.widths]
        self.head = nn.Dense(2 * LATENT)
        self.expand = nn.Dense(math.prod(self.low), use_bias=False)
        self.expand_norm = norm()
        paddings = [[(2, 2 - side % 2) for side in size] for size in sizes[-2::-1]]
        rising = list(zip(self.widths[-2::-1], paddings[:-1], strict=True))
        self.unstages = [nn.ConvTranspose(w, padding=p, use_bias=False, **square) for w, p in rising]
        self.unstage_norms = [norm() for _ in rising]
        self.to_logits = nn.ConvTranspose(self.image_shape[-1], padding=paddings[-1], **square)

    def encode(self, image, train):
        h = image
        for stage, norm in zip(self.stages, self.stage_norms, strict=True):
            h = nn.relu(norm(stage(h)))
        mean, log_variance = jnp.split(self.head(h.reshape(len(h), -1)), 2, axis=-1)
        return (Posterior(mean, jnp.exp(log_variance / 2)),)

    def decode(self, latents, train):
        h = nn.relu(self.expand_norm(self.expand(latents[0]).reshape(-1, *self.low)))
        for unstage, norm in zip(self.unstages, self.unstage_norms, strict=True):
            h = nn.relu(norm(unstage(h)))
        return self.to_logits(h)


def gradient(model, options):
    """Gradient of cross-entropy and KL divergence with respect to every parameter, in the arrays' own type."""

    def loss(params, statistics, image, noise):
        def encode_and_decode(module):
            (q,) = module.encode(image, True)
            return q, module.decode((q.mean + q.stddev * noise,), True)

        variables = {"params": params, "batch_stats": statistics}
        (q, logits), _ = model.apply(variables, method=encode_and_decode, mutable=["batch_stats"])
        cross_entropy = jnp.sum(jax.nn.softplus(logits) - image * logits)
        return cross_entropy - jnp.sum(jnp.log(q.stddev)) + jnp.sum(q.mean**2 + q.stddev**2) / 2

    return jax.jit(jax.grad(loss), compiler_options=options)


def relative_error(actual, exact):
    """Norm of the difference over all parameters, as a share of the exact gradient's."""
    actual, exact = (
        np.concatenate([np.ravel(leaf).astype(np.float64) for leaf in jax.tree.leaves(tree)])
        for tree in (actual, exact)
    )
    return np.linalg.norm(actual - exact) / np.linalg.norm(exact)


def median_errors(image_shape, widths, n):
    """Errors of float32 gradients over several draws of parameters and data, by what computed them.

    The median, because a draw in which rounding carries one activation over the rectifier's corner has a thousand
    times the error of others, whoever computes it.
    """
    networks = {name: models.VAE(image_shape, LATENT, widths, layout=LAYOUTS[name]) for name in LAYOUTS}
    programs = {
        name: gradient(model, dict(model.layout.compiler_options)) for name, model in networks.items()
    }
    programs["plain"] = gradient(Plain(image_shape, widths), {})
    init = partial(models.init, model=networks["native"])
    found = {name: [] for name in programs}
    for seed in range(SEEDS):
        variables, rng = init(jax.random.key(seed)), np.random.default_rng(seed)
        data = rng.random((n, *image_shape)), rng.normal(size=(n, LATENT))
        given = jax.tree.map(np.float32, (variables["params"], variables["batch_stats"], *data))
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
            exact = jax.tree.map(np.asarray, programs["plain"](*jax.tree.map(np.float64, given)))
        for name, program in programs.items():
            found[name].append(relative_error(program(*given), exact))
    return {name: float(np.median(errors)) for name, errors in found.items()}


@pytest.mark.parametrize(
    ("image_shape", "widths", "n"),
    [
        ((28, 28, 1), (32, 64, 128), 8),
        pytest.param((96, 96, 3), (32, 64, 128, 256), 2, marks=pytest.mark.slow),
    ],
)
def test_float32_gradients_are_as_close_to_float64_as_those_of_plain_flax_layers(image_shape, widths, n):
    errors = median_errors(image_shape, widths, n)
    assert 0 < errors["plain"] < 1e-5
    for name in LAYOUTS:
        assert 0 < errors[name] < 1.1 * errors["plain"], errors
