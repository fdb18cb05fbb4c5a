import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from sklearn.naive_bayes import GaussianNB

from jaxvae.evaluate import fit_class_means

CENTRES = np.array([[0.0, 0, 0], [3, 0, 0], [0, 3, 0]])


@pytest.fixture
def points(rng):
    labels = np.repeat([0, 1, 2], [40, 25, 10])
    codes = CENTRES[labels] + rng.normal(size=(75, 3)) * [1, 2, 0.5]
    return np.float32(codes), labels


def test_probabilities_are_those_of_gaussians_with_one_diagonal_covariance(points, rng):
    codes, labels = points
    fitted = fit_class_means(jnp.asarray(codes), jnp.asarray(labels), classes=3)
    means = np.stack([codes[labels == label].mean(0) for label in range(3)])
    within = sum(np.sum((codes[labels == label] - means[label]) ** 2, axis=0) for label in range(3)) / 75
    others = np.float32(rng.normal(size=(30, 3)) * 3)
    density = [scipy.stats.norm.logpdf(others, mean, np.sqrt(within)).sum(1) for mean in means]
    np.testing.assert_allclose(fitted.means, means, rtol=1e-5)
    np.testing.assert_allclose(
        fitted.probabilities(jnp.asarray(others)), scipy.special.softmax(density, axis=0).T, atol=1e-5
    )


def test_probabilities_agree_with_naive_bayes_where_classes_vary_alike(rng):
    # Mirrored about its mean, every class has the same variance, which naive Bayes fits to each class apart.
    spread = rng.normal(size=(20, 3))
    codes = np.concatenate([centre + sign * spread for centre in CENTRES for sign in (1, -1)])
    labels = np.repeat([0, 1, 2], 40)
    others = rng.normal(size=(30, 3)) * 3
    expected = GaussianNB(priors=np.full(3, 1 / 3)).fit(codes, labels).predict_proba(others)
    actual = fit_class_means(codes, labels, classes=3).probabilities(others)
    np.testing.assert_allclose(actual, expected, atol=1e-9)


def test_frequent_classes_are_not_preferred(points):
    codes, labels = points
    more = np.concatenate([codes, np.tile(codes[labels == 0], (9, 1))])
    once, often = (
        fit_class_means(each, np.append(labels, np.zeros(len(each) - 75, int)), classes=3)
        for each in (codes, more)
    )
    middle = (once.means[:1] + once.means[1:2]) / 2
    for fitted in (once, often):
        shares = fitted.probabilities(middle)
        np.testing.assert_allclose(shares[0, 0], shares[0, 1], rtol=1e-5)


def test_examples_without_a_label_are_left_out(points, rng):
    codes, labels = points
    strangers = np.float32(rng.normal(50, 1, size=(20, 3)))
    mixed = fit_class_means(np.concatenate([codes, strangers]), np.append(labels, np.full(20, -1)), classes=3)
    np.testing.assert_array_equal(
        mixed.probabilities(codes), fit_class_means(codes, labels, classes=3).probabilities(codes)
    )


def test_far_codes_and_constant_dimensions_leave_finite_probabilities(points):
    codes, labels = points
    flat = np.concatenate([codes, np.full((75, 1), 7.0, np.float32)], axis=1)
    fitted = fit_class_means(flat, labels, classes=3)
    np.testing.assert_allclose(
        fitted.probabilities(flat),
        fit_class_means(codes, labels, classes=3).probabilities(codes),
        atol=1e-6,
    )
    np.testing.assert_allclose(fitted.probabilities(1e6 * flat).sum(1), 1)
    same = fit_class_means(np.ones((4, 2)), np.array([0, 0, 1, 1]), classes=2)
    np.testing.assert_array_equal(same.probabilities(np.ones((1, 2))), [[0.5, 0.5]])


def test_a_class_without_examples_is_refused(points):
    codes, labels = points
    with pytest.raises(ValueError, match="there is none of 3, 4; leave the class out"):
        fit_class_means(codes, labels, classes=5)
    with pytest.raises(ValueError, match=r"labels must lie in \[-1, 2\), got 0 to 2"):
        fit_class_means(codes, labels, classes=2)


def test_codes_of_other_dimensions_are_refused(points):
    fitted = fit_class_means(*points, classes=3)
    with pytest.raises(ValueError, match="must have the 3 dimensions of the class means, got 1"):
        fitted.probabilities(points[0][:, :1])
