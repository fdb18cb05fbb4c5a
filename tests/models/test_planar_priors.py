import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import scipy.stats

from jaxvae.models import PRIORS, LabelledPrior, Normal, Ring, SwissRoll, draw_each, prior

KEY = jax.random.key(0)
SMALL = [Ring(classes=3, radius=2.0, along=0.6, across=0.3), SwissRoll(classes=4, radius=2.0, thickness=0.2)]
BOTH = [Ring(), SwissRoll()]
NAMES = ["ring", "swiss roll"]


def mass(prior, reach, step):
    """Integral of the density over a square, by the midpoint rule."""
    line = np.arange(-reach, reach, step) + step / 2
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype(np.float32)
    density = jax.jit(lambda z: jnp.exp(prior.log_prob(z)))
    return sum(float(density(part).sum(dtype=jnp.float32)) for part in np.split(points, 20)) * step**2


@pytest.mark.parametrize("prior", SMALL, ids=NAMES)
def test_density_integrates_to_one(prior):
    np.testing.assert_allclose(mass(prior, reach=5.0, step=0.05), 1, rtol=1e-4)


def test_ring_density_is_the_mixtures():
    ring = SMALL[0]
    z = np.random.default_rng(0).normal(scale=2, size=(20, 2))
    densities = []
    for mode in range(3):
        angle = 2 * np.pi * mode / 3
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        covariance = turn @ np.diag([0.6**2, 0.3**2]) @ turn.T
        densities.append(scipy.stats.multivariate_normal(turn @ [2, 0], covariance).pdf(z))
    actual = ring.log_prob(jnp.asarray(z, jnp.float32))
    np.testing.assert_allclose(actual, np.log(np.mean(densities, axis=0)), rtol=1e-4, atol=1e-4)


def test_roll_density_is_the_noise_integrated_over_the_arc():
    roll = SMALL[1]
    pitch = 2.0 / (2 * np.pi * 2)
    angle = np.linspace(0.2 * 4 * np.pi, 4 * np.pi, 20001)
    points = (pitch * angle)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    speed = pitch * np.sqrt(1 + angle**2)
    z = np.random.default_rng(0).normal(size=(20, 2))
    kernel = np.exp(-scipy.spatial.distance.cdist(z, points, "sqeuclidean") / (2 * 0.2**2))
    length = np.trapezoid(speed, angle)
    expected = np.trapezoid(kernel * speed, angle) / length / (2 * np.pi * 0.2**2)
    np.testing.assert_allclose(roll.length, length, rtol=1e-6)
    near = expected > 1e-8
    actual = np.asarray(roll.log_prob(jnp.asarray(z, jnp.float32)))
    np.testing.assert_allclose(actual[near], np.log(expected[near]), atol=5e-3)
    assert near.sum() > 10


@pytest.mark.parametrize("prior", SMALL, ids=NAMES)
def test_draws_have_the_density(prior):
    """Shares of draws in cells of a grid against the cells' mass."""
    n, edges = 20000, np.linspace(-4, 4, 9)
    draws = np.asarray(prior.sample(KEY, n))
    counts, _, _ = np.histogram2d(draws[:, 0], draws[:, 1], bins=[edges, edges])
    fine = np.linspace(-4, 4, 8 * 20 + 1)[:-1] + 0.025
    x, y = np.meshgrid(fine, fine, indexing="ij")
    points = jnp.asarray(np.stack([x.ravel(), y.ravel()], axis=1), jnp.float32)
    density = np.exp(np.asarray(jax.jit(prior.log_prob)(points), np.float64)).reshape(8, 20, 8, 20)
    expected = density.sum((1, 3)) * 0.05**2 * n
    large = expected > 5
    chi2 = np.sum((counts - expected)[large] ** 2 / expected[large])
    assert scipy.stats.chi2(large.sum() - 1).sf(chi2) > 1e-3


@pytest.mark.parametrize("prior", BOTH, ids=NAMES)
def test_a_class_is_a_part_of_its_own(prior):
    assert isinstance(prior, LabelledPrior)
    label = jnp.arange(5000) % 10
    own = prior.class_of(prior.sample_class(KEY, label))
    assert np.mean(own == label) > 0.96
    counts = np.bincount(prior.class_of(prior.sample(KEY, 5000)), minlength=10)
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_modes_of_the_ring_go_round_and_stretches_of_the_roll_outwards():
    angle = 2 * np.pi * np.arange(10) / 10
    middles = jnp.asarray(4 * np.stack([np.cos(angle), np.sin(angle)], axis=1), jnp.float32)
    np.testing.assert_array_equal(Ring().class_of(middles), np.arange(10))
    roll = SwissRoll()
    axis = roll.axis((jnp.arange(10.0) + 0.5) / 10)
    np.testing.assert_array_equal(roll.class_of(axis), np.arange(10))
    assert np.all(np.diff(np.linalg.norm(axis, axis=1)) > 0)
    np.testing.assert_allclose(jnp.linalg.norm(roll.axis(jnp.array([0.0, 1.0])), axis=1), [1, 5], rtol=1e-5)


def test_steps_along_the_rolls_axis_are_equal():
    points = np.asarray(SwissRoll().axis(jnp.linspace(0, 1, 2001)), np.float64)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(steps, SwissRoll().length / 2000, rtol=1e-3)


@pytest.mark.parametrize("prior", BOTH, ids=NAMES)
def test_densities_and_their_gradients_are_finite_far_away(prior):
    z = jnp.array([[100.0, -50.0], [0.0, 0.0]])
    value, score = jax.value_and_grad(lambda z: prior.log_prob(z).sum())(z)
    assert np.isfinite(value)
    assert np.isfinite(score).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ring(classes=0), "at least one mode, got 0"),
        (lambda: Ring(across=0.0), "across must be positive and finite"),
        (lambda: SwissRoll(classes=0), "at least one stretch, got 0"),
        (lambda: SwissRoll(thickness=-1.0), "thickness must be positive and finite"),
        (lambda: SwissRoll(start=1.0), r"start must be in \[0, 1\), got 1.0"),
        (lambda: prior("spiral"), "prior must be one of normal, ring, swiss_roll, got 'spiral'"),
        (lambda: prior("ring", dim=3), "the prior ring lies in the plane and needs latents of size 2, got 3"),
    ],
)
def test_what_is_no_prior_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_priors_have_names():
    assert [type(prior(name)) for name in PRIORS] == [Normal, Ring, SwissRoll]
    assert prior("normal", dim=5) == Normal(dim=5)
    assert prior("swiss_roll", classes=3) == SwissRoll(classes=3)


@pytest.mark.parametrize("label", [None, jnp.array([3, -1, 0, 7])])
def test_each_examples_draw_is_its_own_wherever_it_lies(label):
    index = jnp.arange(4)
    whole = draw_each(KEY, Ring(), index, label)
    part = draw_each(KEY, Ring(), index[2:], None if label is None else label[2:])
    np.testing.assert_array_equal(whole[2:], part)
    assert len(np.unique(whole[:, 0])) == 4
    if label is not None:
        np.testing.assert_array_equal(Ring().class_of(whole)[np.array([0, 2, 3])], [3, 0, 7])


def test_labels_for_a_prior_without_parts_are_refused():
    with pytest.raises(ValueError, match="Normal has no parts for the classes"):
        draw_each(KEY, Normal(dim=2), jnp.arange(2), jnp.zeros(2, int))


@pytest.mark.parametrize(("prior", "share"), [(Ring(), 0.989), (SwissRoll(), 0.965)], ids=NAMES)
def test_some_draws_of_a_part_lie_in_its_neighbours(prior, share):
    part = jnp.repeat(jnp.arange(10), 2000)
    own = prior.class_of(prior.sample_class(KEY, part)) == part
    assert np.mean(own) == pytest.approx(share, abs=0.004)
