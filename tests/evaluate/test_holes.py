import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import scipy.stats

from jaxvae.evaluate import holes, two_sample_accuracy
from jaxvae.models import Ring, SwissRoll

KEY = jax.random.key(0)
THIN = SwissRoll(thickness=0.1)


def normal(n, seed, d=2):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, d)), jnp.float32)


def disc(n):
    rng = np.random.default_rng(0)
    radius, angle = 5 * np.sqrt(rng.uniform(size=n)), rng.uniform(0, 2 * np.pi, n)
    return jnp.asarray(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), jnp.float32)


def draw(prior, n, seed):
    return prior.sample(jax.random.key(seed), n)


@pytest.mark.parametrize(("neighbours", "quantile"), [(1, 0.5), (5, 0.95)])
def test_share_is_that_of_a_search_tree(neighbours, quantile):
    codes, draws, reference = normal(300, 0), 1.5 * normal(200, 1), 1.5 * normal(300, 2)
    near, typical = (
        scipy.spatial.KDTree(points).query(draws, [neighbours])[0] for points in (codes, reference)
    )
    expected = np.mean(near > np.quantile(typical, quantile))
    actual = holes(codes, draws, reference, neighbours=neighbours, quantile=quantile)
    np.testing.assert_allclose(actual, expected, atol=0.005)


@pytest.mark.parametrize("prior", [Ring(), THIN], ids=["ring", "roll"])
def test_codes_that_fill_the_prior_leave_what_the_quantile_says(prior):
    samples = [draw(prior, 4000, seed) for seed in range(3)]
    np.testing.assert_allclose(holes(*samples), 0.05, atol=0.01)
    assert holes(*samples, quantile=0.8) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("strays", [0, 240])
def test_modes_without_codes_are_holes_whatever_strays(strays):
    ring = Ring()
    codes = ring.sample_class(KEY, 2 * (jnp.arange(4000, dtype=jnp.int32) % 5))
    far = 20 * normal(strays, 3)
    codes = jnp.concatenate([codes[strays:], far])
    assert holes(codes, draw(ring, 4000, 1), draw(ring, 4000, 2)) > 0.4


def test_codes_too_far_from_each_other_leave_holes():
    assert holes(4 * normal(4000, 0), normal(4000, 1), normal(4000, 2)) > 0.4


def test_units_and_place_do_not_matter():
    points = normal(500, 0), 2 * normal(500, 1), 2 * normal(500, 2)
    assert holes(*(8 * each + 16 for each in points)) == pytest.approx(holes(*points), abs=0.005)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"draws": jnp.zeros((3, 3))},
            r"codes and draws of one size, .* got \(8, 2\), \(3, 3\) and \(8, 2\)",
        ),
        ({"reference": jnp.zeros((7, 2))}, r"got \(8, 2\), \(4, 2\) and \(7, 2\)"),
        ({"neighbours": 0}, "neighbours >= 1, as many codes and a draw, got 0 neighbours"),
        ({"neighbours": 9}, "got 9 neighbours, 8 codes and 4 draws"),
        ({"draws": jnp.zeros((0, 2))}, "8 codes and 0 draws"),
        ({"quantile": 1.0}, r"quantile must be in \(0, 1\), got 1.0"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, message):
    arguments = {"codes": normal(8, 0), "draws": normal(4, 1), "reference": normal(8, 2)} | change
    with pytest.raises(ValueError, match=message):
        holes(**arguments)


@pytest.mark.parametrize("prior", [Ring(), THIN], ids=["ring", "roll"])
def test_equal_distributions_cannot_be_told_apart(prior):
    accuracies = [
        two_sample_accuracy(jax.random.key(seed), draw(prior, 4000, seed), draw(prior, 4000, seed + 20))
        for seed in range(20)
    ]
    np.testing.assert_allclose(accuracies, 0.5, atol=4 * 0.5 / 4000**0.5)
    np.testing.assert_allclose(np.mean(accuracies), 0.5, atol=4 * 0.5 / 80_000**0.5)


def test_what_is_not_quite_the_prior_is_told_from_it():
    roll, ring = draw(THIN, 4000, 0), draw(Ring(), 4000, 0)
    assert two_sample_accuracy(KEY, disc(4000), roll) >= 0.8
    assert two_sample_accuracy(KEY, draw(THIN, 4000, 1) + 0.3 * normal(4000, 0), roll) >= 0.65
    assert two_sample_accuracy(KEY, jnp.std(ring) * normal(4000, 0), ring) >= 0.7


def test_accuracy_comes_near_the_best_that_there_is():
    codes = normal(20_000, 0)
    shifted = two_sample_accuracy(KEY, codes, normal(30_000, 1) + jnp.array([[2.0, 0.0]]))
    np.testing.assert_allclose(shifted, scipy.stats.norm.cdf(1), atol=0.02)
    assert two_sample_accuracy(KEY, codes, normal(2000, 1) + 10) == 1


def test_the_order_of_codes_does_not_matter():
    ordered = normal(4000, 0)[jnp.argsort(normal(4000, 0)[:, 0])]
    assert two_sample_accuracy(KEY, ordered, normal(3000, 1)) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("draws", [jnp.zeros((4, 3)), jnp.zeros((1, 2))])
def test_sets_that_cannot_be_compared_are_refused(draws):
    with pytest.raises(ValueError, match=r"two sets of at least two points of one size, got \(4, 2\)"):
        two_sample_accuracy(KEY, normal(4, 0), draws)
