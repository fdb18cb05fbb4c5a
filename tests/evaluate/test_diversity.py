import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import pdist

from jaxvae.evaluate import attribute_similarity, diversity


def test_diversity_is_the_mean_distance_of_pairs():
    features = np.random.default_rng(0).normal(size=(150, 5)).astype(np.float32)
    np.testing.assert_allclose(diversity(jnp.asarray(features)), pdist(features).mean(), rtol=1e-5)


def test_equal_images_have_no_diversity_and_one_image_is_refused():
    assert diversity(jnp.ones((4, 3))) == 0
    with pytest.raises(ValueError, match="at least two images, got 1"):
        diversity(jnp.ones((1, 3)))


def test_similarity_is_the_cosine_of_signs():
    wanted = jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    predicted = jnp.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    np.testing.assert_allclose(attribute_similarity(predicted, wanted), [1, -1, 0, 0], atol=1e-6)
