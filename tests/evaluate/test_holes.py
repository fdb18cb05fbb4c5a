import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import scipy.stats

from jaxvae.evaluate import holes, two_sample_accuracy

KEY = jax.random.key(0)


def normal(n, seed, d=2):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, d)), jnp.float32)


@pytest.mark.parametrize(("neighbours", "quantile"), [(1, 0.5), (5, 0.95)])
def test_share_is_that_of_a_search_tree(neighbours, quantile):
    codes, draws = normal(300, 0), 1.5 * normal(200, 1)
    tree = scipy.spatial.KDTree(codes)
    spacing = np.quantile(tree.query(codes, [neighbours + 1])[0] ** 2, quantile)
    expected = np.mean(tree.query(draws, [neighbours])[0] ** 2 > spacing)
    actual = holes(codes, draws, neighbours=neighbours, quantile=quantile)
    np.testing.assert_allclose(actual, expected, atol=0.005)


@pytest.mark.parametrize("d", [2, 5])
def test_codes_that_fill_the_prior_leave_what_the_quantile_says(d):
    np.testing.assert_allclose(holes(normal(4000, 0, d), normal(4000, 1, d)), 0.05, atol=0.01)


def test_a_hole_counts_by_its_mass():
    codes, draws = normal(8000, 0), normal(1000, 1)
    kept = codes[np.linalg.norm(codes, axis=1) > 1]
    inside = np.mean(np.linalg.norm(draws, axis=1) < 0.8)
    assert holes(kept, draws) > inside
    assert holes(codes, draws) < 0.07


def test_units_and_place_do_not_matter():
    codes, draws = normal(500, 0), 2 * normal(500, 1)
    moved = holes(8 * codes + 16, 8 * draws + 16)
    np.testing.assert_allclose(moved, holes(codes, draws), atol=0.005)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"draws": jnp.zeros((3, 3))}, "codes and draws need one size, got 2 and 3"),
        ({"neighbours": 0}, "neighbours >= 1, more codes than neighbours and a draw, got 0 neighbours"),
        ({"neighbours": 8}, "got 8 neighbours, 8 codes and 4 draws"),
        ({"draws": jnp.zeros((0, 2))}, "8 codes and 0 draws"),
        ({"quantile": 1.0}, r"quantile must be in \(0, 1\), got 1.0"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, message):
    given = {"codes": normal(8, 0), "draws": normal(4, 1)} | change
    with pytest.raises(ValueError, match=message):
        holes(given.pop("codes"), given.pop("draws"), **given)


def test_equal_distributions_cannot_be_told_apart_and_others_can():
    codes = normal(3000, 0)
    assert abs(two_sample_accuracy(KEY, codes, normal(4000, 1), steps=300) - 0.5) < 0.04
    shifted = two_sample_accuracy(KEY, codes, normal(3000, 1) + jnp.array([[1.0, 0.0]]), steps=300)
    np.testing.assert_allclose(shifted, scipy.stats.norm.cdf(0.5), atol=0.03)
    assert two_sample_accuracy(KEY, codes, normal(2000, 1) + 10, steps=300) > 0.99


@pytest.mark.parametrize("draws", [jnp.zeros((4, 3)), jnp.zeros((1, 2))])
def test_sets_that_cannot_be_compared_are_refused(draws):
    with pytest.raises(ValueError, match=r"two sets of at least two points of one size, got \(4, 2\)"):
        two_sample_accuracy(KEY, normal(4, 0), draws)
