import numpy as np
import pytest
import scipy.linalg

from jaxvae import evaluate


def gaussian(mean, covariance, n=10**6):
    return evaluate.Moments(np.float64(mean), np.float64(covariance), n)


def positive(rng, d):
    root = rng.normal(size=(d, d))
    return root @ root.T / d + 0.1 * np.eye(d)


def test_moments_are_those_of_numpy(rng):
    features = rng.normal(3, 2, size=(50, 4)).astype(np.float32)
    actual = evaluate.moments(features)
    np.testing.assert_allclose(actual.mean, features.mean(0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(
        actual.covariance, np.cov(features.astype(np.float64), rowvar=False), rtol=1e-12
    )
    assert (actual.n, actual.mean.dtype) == (50, np.float64)


def test_diagonal_gaussians_have_a_closed_form():
    a, b = gaussian([0, 1, 2], np.diag([1.0, 4.0, 9.0])), gaussian([3, 1, 0], np.diag([4.0, 4.0, 1.0]))
    assert evaluate.frechet_distance(a, b) == pytest.approx(9 + 0 + 4 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2)


def test_full_covariances_agree_with_scipys_matrix_root(rng):
    a, b = (gaussian(rng.normal(size=20), positive(rng, 20)) for _ in range(2))
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance).real
    expected = np.sum((a.mean - b.mean) ** 2) + np.trace(a.covariance + b.covariance - 2 * root)
    assert evaluate.frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert evaluate.frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_equal_moments_are_at_distance_zero(rng):
    a = gaussian(rng.normal(size=30), positive(rng, 30))
    assert evaluate.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_fewer_samples_than_features_are_stable_and_warned_of(rng):
    x, y = rng.normal(size=(12, 200)), rng.normal(0.5, 2, size=(9, 200))
    a, b = evaluate.moments(x), evaluate.moments(y)
    with pytest.warns(UserWarning, match="9 images are fewer than the 200 features"):
        actual = evaluate.frechet_distance(a, b)
    centred = [(z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (x, y)]
    # tr (A B)^(1/2) is the nuclear norm of the product of the factors, which is of full rank.
    cross = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    expected = np.sum((a.mean - b.mean) ** 2) + np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross
    assert actual == pytest.approx(expected, rel=1e-6)


def test_refuses():
    with pytest.raises(ValueError, match="at least 2 images, got 1"):
        evaluate.moments(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="of one size, got 2 and 3"):
        evaluate.frechet_distance(gaussian([0, 0], np.eye(2)), gaussian([0, 0, 0], np.eye(3)))
    with pytest.raises(ValueError, match="finite"):
        evaluate.frechet_distance(gaussian([0, np.nan], np.eye(2)), gaussian([0, 0], np.eye(2)))


def test_a_set_that_many_are_compared_with_is_decomposed_once(rng, monkeypatch):
    eigh, calls = np.linalg.eigh, []
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: calls.append(matrix) or eigh(matrix))
    reference = gaussian(rng.normal(size=5), positive(rng, 5))
    distances = [
        evaluate.frechet_distance(gaussian(rng.normal(size=5), positive(rng, 5)), reference) for _ in range(3)
    ]
    assert len(set(distances)) == 3
    assert len(calls) == 1
