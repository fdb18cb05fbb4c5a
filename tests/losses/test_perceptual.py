import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.losses import lpips_distance, perceptual, perceptual_distance

KEY = jax.random.key(0)


def two_layers(image):
    return jnp.sin(image), jnp.sum(image, axis=(2, 3))


def test_distance_sums_squares_over_layers_positions_and_channels():
    rng = np.random.default_rng(0)
    a, b = ([jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((3, 4, 5, 2), (3, 7))] for _ in "ab")
    expected = [sum(np.sum((x[n] - y[n]) ** 2) for x, y in zip(a, b, strict=True)) for n in range(3)]
    np.testing.assert_allclose(perceptual_distance(a, b), expected, rtol=1e-5)
    np.testing.assert_array_equal(perceptual_distance(a, a), 0)


def test_pixels_as_features_give_the_squared_error(output, batch):
    mean = jax.nn.sigmoid(output.logits)
    values = perceptual(lambda image: (image,))(KEY, output, batch)
    np.testing.assert_allclose(values, jnp.sum((mean - batch.image) ** 2, (1, 2, 3)), rtol=1e-5)


def test_gradient_reaches_the_reconstruction_only(output, batch):
    def total(weight, logits):
        term = perceptual(lambda image: [weight * f for f in two_layers(image)])
        return term(KEY, dataclasses.replace(output, logits=logits), batch).sum()

    by_logits = jax.grad(total, 1)(jnp.float32(2.0), output.logits)

    def plain(logits):
        pairs = zip(two_layers(jax.nn.sigmoid(logits)), two_layers(batch.image), strict=True)
        return sum(jnp.sum((2 * (a - b)) ** 2) for a, b in pairs)

    np.testing.assert_allclose(by_logits, jax.grad(plain)(output.logits), rtol=1e-4, atol=1e-5)


def test_no_layer_is_refused(output, batch):
    with pytest.raises(ValueError, match="at least one layer, got none"):
        perceptual(lambda image: ())(KEY, output, batch)


def test_lpips_is_its_formula():
    rng = np.random.default_rng(0)
    shapes = ((3, 4, 5, 2), (3, 2, 2, 6))
    a, b = ([rng.normal(size=s) for s in shapes] for _ in "ab")
    heads = [rng.random(s[-1]) for s in shapes]
    expected = np.zeros(3)
    for x, y, head in zip(a, b, heads, strict=True):
        x, y = (z / np.linalg.norm(z, axis=-1, keepdims=True) for z in (x, y))
        expected += ((x - y) ** 2 @ head).mean((1, 2))
    as_float32 = [[jnp.asarray(z, jnp.float32) for z in arrays] for arrays in (a, b, heads)]
    np.testing.assert_allclose(lpips_distance(*as_float32), expected, rtol=1e-5)
    np.testing.assert_array_equal(lpips_distance(as_float32[0], as_float32[0], as_float32[2]), 0)


def test_lpips_has_a_finite_gradient_where_nothing_is_active():
    silent = jnp.zeros((1, 2, 2, 3))
    gradient = jax.grad(lambda x: lpips_distance([x], [silent + 1], [jnp.ones(3)])[0])(silent)
    assert np.isfinite(gradient).all()
