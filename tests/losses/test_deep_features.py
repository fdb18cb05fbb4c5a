import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.losses import deep_features, feature_error

KEY = jax.random.key(0)
SHAPES = ((8, 5, 5, 2), (8, 2, 3, 4))


def layers(seed):
    rng = np.random.default_rng(seed)
    return tuple(jnp.asarray(rng.normal(size=s), jnp.float32) for s in SHAPES)


def test_error_is_half_the_mean_square_of_each_layer():
    a, b = layers(0), layers(1)
    expected = sum(np.square(np.float64(x - y)).mean((1, 2, 3)) / 2 for x, y in zip(a, b, strict=True))
    np.testing.assert_allclose(feature_error(a, b), expected, rtol=1e-5)
    np.testing.assert_array_equal(feature_error(a, a), 0)


def test_term_compares_what_the_model_put_out(output, batch):
    seen = dataclasses.replace(output, features=(layers(0), layers(1)))
    np.testing.assert_array_equal(deep_features()(KEY, seen, batch), feature_error(layers(0), layers(1)))


def test_a_model_without_features_is_refused(output, batch):
    with pytest.raises(ValueError, match="build it with deep_features='through' or 'stopped'"):
        deep_features()(KEY, output, batch)


def test_no_layer_is_refused():
    with pytest.raises(ValueError, match="at least one layer, got none"):
        feature_error((), ())
