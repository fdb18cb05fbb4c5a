import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from jaxvae.models import reparameterize
from jaxvae.models.posterior import reparameterize_levels
from jaxvae.types import Posterior

KEY = jax.random.key(0)


def test_draws_have_the_posteriors_distribution():
    n, mean, stddev = 2000, jnp.array([1.0, -2.0]), jnp.array([0.5, 3.0])
    q = Posterior(jnp.broadcast_to(mean, (n, 2)), jnp.broadcast_to(stddev, (n, 2)))
    z = np.asarray(reparameterize(KEY, q, jnp.arange(n)))
    for column, m, s in zip(z.T, mean, stddev, strict=True):
        assert scipy.stats.kstest(column, scipy.stats.norm(m, s).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.08


def test_gradient_is_one_for_the_mean_and_the_noise_for_the_deviation():
    mean, stddev = jax.random.normal(KEY, (3, 2)), jnp.full((3, 2), 0.7)
    z, pullback = jax.vjp(lambda m, s: reparameterize(KEY, Posterior(m, s), jnp.arange(3)), mean, stddev)
    to_mean, to_stddev = pullback(jnp.ones((3, 2)))
    np.testing.assert_array_equal(to_mean, jnp.ones((3, 2)))
    np.testing.assert_allclose(to_stddev, (z - mean) / stddev, rtol=1e-5)


def test_noise_belongs_to_the_position_in_the_global_batch():
    q = Posterior(jnp.zeros((6, 3)), jnp.ones((6, 3)))
    whole = reparameterize(KEY, q, jnp.arange(6))
    rows = jnp.array([4, 1])
    part = reparameterize(KEY, Posterior(q.mean[:2], q.stddev[:2]), rows)
    np.testing.assert_array_equal(part, whole[rows])
    assert len(np.unique(whole)) == whole.size


def test_another_key_is_another_draw():
    q = Posterior(jnp.zeros((6, 3)), jnp.ones((6, 3)))
    draws = [reparameterize(jax.random.key(seed), q, jnp.arange(6)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.any(draws[0] == draws[2])


def test_levels_are_drawn_as_one_by_one_in_one_pass_of_the_generator():
    index, sizes = jnp.array([3, 0, 7]), (2, 5, 1)
    levels = [
        Posterior(*jax.random.normal(jax.random.key(level), (2, 3, size))) for level, size in enumerate(sizes)
    ]
    together = reparameterize_levels(KEY, levels, index)
    for level, (q, z) in enumerate(zip(levels, together, strict=True)):
        np.testing.assert_array_equal(z, reparameterize(jax.random.fold_in(KEY, level), q, index))

    def generators(levels: list[Posterior]) -> int:
        return str(jax.make_jaxpr(lambda: reparameterize_levels(KEY, levels, index))()).count("random_bits")

    assert generators(levels) == generators(levels[:1]) == 1
