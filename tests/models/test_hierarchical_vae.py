from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxvae import losses, models
from jaxvae.types import Batch

KEY = jax.random.key(0)
N = 6
MODEL = models.HierarchicalVAE((8, 8, 1), (2, 3, 2), (2, 3), 5, 4)


@pytest.fixture(scope="module")
def variables():
    """Values away from the initial ones, where a mistake in their use would not show."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        low = 0.2 if path[-1].key in ("scale", "var") else -0.8
        return jnp.asarray(rng.uniform(low, 0.8, leaf.shape), jnp.float32)

    return jax.tree.map_with_path(draw, jax.eval_shape(partial(models.init, model=MODEL), KEY))


@pytest.fixture(scope="module")
def batch():
    label = jnp.zeros(N, jnp.int32)
    return Batch(jax.random.uniform(KEY, (N, 8, 8, 1)), label, jnp.ones(N), jnp.arange(N))


@pytest.fixture(scope="module")
def run(variables, batch):
    return jax.jit(lambda key: MODEL.apply(variables, key, batch.image, batch.index))


def conditionals(model, image, z):
    """q(z_l | z_{l-1}) and p(z_l | z_{l+1}) at given latents, bottom level first."""
    mean, raw = jnp.split(model.encoder(image, False), 2, -1)
    q = [(mean, jax.nn.softplus(raw) + 1e-3)]
    q += [vars(net(below)).values() for net, below in zip(model.inference, z, strict=False)]
    p = [vars(net(above)).values() for net, above in zip(model.generation, z[1:], strict=True)]
    return [tuple(pair) for pair in q], [*(tuple(pair) for pair in p), (jnp.zeros(()), jnp.ones(()))]


def test_divergences_of_codes_are_those_of_the_latents(variables, batch, run):
    output = run(KEY)
    z = MODEL.apply(variables, output.latents, method="centred")
    q, p = MODEL.apply(variables, batch.image, z, method=conditionals)
    for level in (1, 2, 3):
        density = [scipy.stats.norm(*given[level - 1]).logpdf(z[level - 1]).sum(1) for given in (q, p)]
        term = losses.kl(models.own_priors(MODEL), level=level, method="monte_carlo")
        np.testing.assert_allclose(term(KEY, output, batch), density[0] - density[1], rtol=1e-4, atol=1e-4)


def test_only_the_top_has_a_closed_form(run, batch):
    output, priors = run(KEY), models.own_priors(MODEL)
    with pytest.raises(ValueError, match="No closed-form KL to a Noise"):
        losses.kl(priors, method="closed_form")
    top = losses.kl(priors, level=3)(KEY, output, batch)
    np.testing.assert_allclose(top, losses.kl_normal(output.posteriors[2]), rtol=1e-5)


def test_an_image_depends_on_the_bottom_latent_alone(variables):
    codes = tuple(jax.random.normal(KEY, (2, size)) for size in MODEL.latent_sizes)
    z = MODEL.apply(variables, codes, method="centred")
    other = tuple(code + 1.0 for code in codes[1:])
    moved = MODEL.apply(variables, (codes[0], *other), method="centred")
    bound = MODEL.bind(variables)
    p = bound.generation[0](moved[1])
    same = ((z[0] - p.mean) / p.stddev, *other)
    images = [MODEL.apply(variables, code, method="decode") for code in (codes, (codes[0], *other), same)]
    np.testing.assert_allclose(images[2], images[0], rtol=1e-4, atol=1e-5)
    assert jnp.abs(images[1] - images[0]).max() > 1e-4


def test_reconstructions_decode_the_bottom_mean(variables, batch):
    q = MODEL.apply(variables, batch.image, method="encode")
    z = MODEL.apply(variables, tuple(level.mean for level in q), method="centred")
    (bottom, *_), _ = MODEL.apply(variables, batch.image, z, method=conditionals)
    np.testing.assert_allclose(z[0], bottom[0], rtol=1e-4, atol=1e-5)


def test_codes_that_the_model_generates_are_standard_normal():
    assert [type(prior).__name__ for prior in MODEL.priors] == ["Noise", "Noise", "Normal"]
    for prior in MODEL.priors:
        codes = prior.sample(KEY, 4)
        np.testing.assert_allclose(prior.log_prob(codes), scipy.stats.norm.logpdf(codes).sum(1), rtol=1e-5)


def test_one_level_has_no_conditionals():
    model = models.HierarchicalVAE((8, 8, 1), (2,), (2,), 3, 3)
    params = jax.eval_shape(partial(models.init, model=model), KEY)["params"]
    assert not [name for name in params if name.startswith(("inference", "generation"))]
