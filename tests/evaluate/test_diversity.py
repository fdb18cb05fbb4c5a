import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import KDTree
from scipy.spatial.distance import pdist

from jaxvae.evaluate import attribute_similarity, distinctness, diversity


def test_diversity_is_the_mean_distance_of_pairs():
    features = np.random.default_rng(0).normal(size=(150, 5)).astype(np.float32)
    np.testing.assert_allclose(diversity(jnp.asarray(features)), pdist(features).mean(), rtol=1e-5)


def test_equal_images_have_no_diversity_and_one_image_is_refused():
    assert diversity(jnp.ones((4, 3))) == 0
    with pytest.raises(ValueError, match="at least two images, got 1"):
        diversity(jnp.ones((1, 3)))


def pictures(n, seed, side=16):
    """Smooth ones, as faces are."""
    values = np.random.default_rng(seed).uniform(size=(n, 6, 6, 3)).astype(np.float32)
    return jax.image.resize(jnp.asarray(values), (n, side, side, 3), "linear")


def repeated(images, n):
    """What a collapsed generator shows: few images, hardly varied."""
    return images[jnp.arange(n) % len(images)] + 0.02 * pictures(n, 9)


def test_distinctness_is_the_median_distance_to_the_nearest_other():
    images = np.random.default_rng(0).uniform(size=(150, 8, 6, 3)).astype(np.float32)
    flat = images.reshape(150, -1)
    expected = np.median(KDTree(flat).query(flat, [2])[0])
    np.testing.assert_allclose(distinctness(jnp.asarray(images)), expected, rtol=1e-5)


def test_distinctness_does_not_depend_on_the_size_of_images():
    small, large = (distinctness(pictures(100, 0, side=side)) for side in (16, 64))
    np.testing.assert_allclose(large, small, rtol=0.1)


@pytest.mark.parametrize("kinds", [2, 12, 40], ids=["two", "twelve", "one for each vector of attributes"])
def test_few_images_over_and_over_are_not_distinct_however_diverse(kinds):
    data, few = pictures(400, 0), repeated(pictures(kinds, 1), 400)
    assert distinctness(few) < 0.1 * distinctness(data)
    diverse = diversity(few.reshape(400, -1)) / diversity(data.reshape(400, -1))
    assert diverse > (0.9 if kinds > 2 else 0.45)


def test_other_images_and_blurred_ones_are_distinct():
    data, others = pictures(400, 0, side=32), pictures(400, 1, side=32)
    np.testing.assert_allclose(distinctness(others) / distinctness(data), 1, atol=0.05)
    blurred = jax.image.resize(jax.image.resize(others, (400, 8, 8, 3), "linear"), others.shape, "linear")
    assert distinctness(blurred) > 0.5 * distinctness(data)


def test_equal_images_are_not_distinct_broken_ones_are_nan_and_one_is_refused():
    assert distinctness(jnp.ones((4, 8, 8, 1))) == 0
    assert jnp.isnan(distinctness(jnp.full((4, 8, 8, 1), jnp.nan)))
    with pytest.raises(ValueError, match="at least two images, got 1"):
        distinctness(jnp.ones((1, 8, 8, 1)))


def test_similarity_is_the_cosine_of_signs():
    wanted = jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    predicted = jnp.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    np.testing.assert_allclose(attribute_similarity(predicted, wanted), [1, -1, 0, 0], atol=1e-6)
