import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import models
from jaxvae.losses import joint_mmd, mmd, mmd2, rbf
from jaxvae.types import Batch, Output

KEY = jax.random.key(0)
N = 1500
NORMAL = models.Normal(dim=1)


def batch(n=N, mask=None):
    return Batch(
        jnp.zeros((n, 1, 1, 1)), jnp.zeros(n, jnp.int32), jnp.ones(n) if mask is None else mask, jnp.arange(n)
    )


def output(*latents):
    return Output(jnp.zeros((len(latents[0]), 1, 1, 1)), (), latents)


def expected_kernel(covariance):
    """Mean of the RBF kernel of bandwidth 1 over differences with this covariance."""
    return np.linalg.det(np.eye(2) + covariance) ** -0.5


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_levels_that_depend_on_each_other_are_seen(correlation):
    first, noise = jax.random.normal(KEY, (2, N, 1))
    second = correlation * first + np.sqrt(1 - correlation**2) * noise
    codes, covariance = output(first, second), np.array([[1, correlation], [correlation, 1]])
    within, prior, across = (
        expected_kernel(c) for c in (2 * covariance, 2 * np.eye(2), covariance + np.eye(2))
    )
    term = jax.jit(joint_mmd(NORMAL, rbf(1.0)))
    np.testing.assert_allclose(term(KEY, codes, batch()), within + prior - 2 * across, atol=4e-3)
    assert abs(mmd(NORMAL, rbf(1.0))(KEY, codes, batch())) < 4e-3


def test_levels_of_unequal_size_are_joined_bottom_first_without_padding():
    latents = (jax.random.normal(KEY, (5, 1)), jax.random.normal(KEY, (5, 3)))
    priors = (models.Normal(dim=1, loc=2.0), models.Normal(dim=3, loc=-1.0))
    draws = [prior.sample(jax.random.fold_in(KEY, level), 5) for level, prior in enumerate(priors)]
    mask = jnp.array([1.0, 1.0, 1.0, 0.0, 0.0])
    value = joint_mmd(priors, rbf(2.0))(KEY, output(*latents), batch(5, mask))
    whole = [jnp.concatenate(parts, axis=1) for parts in (latents, draws)]
    np.testing.assert_allclose(value, mmd2(whole[0][:3], whole[1], kernel=rbf(2.0)), rtol=1e-5)


def test_as_many_priors_as_levels():
    with pytest.raises(ValueError, match="has 2 levels, got 3 priors"):
        joint_mmd((NORMAL,) * 3, rbf(1.0))(KEY, output(jnp.zeros((4, 1)), jnp.ones((4, 1))), batch(4))
