import sys

import numpy as np
import pytest

from jaxvae import evaluate


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Several blocks, the last one not full."""

    monkeypatch.setattr(sys.modules["jaxvae.evaluate.kid"], "_BLOCK", 7)


def kernel(x, y):
    return (x @ y / len(x) + 1) ** 3


def estimate(a, b):
    """By the definition, pair by pair."""
    within = [
        np.mean([kernel(x, y) for i, x in enumerate(z) for j, y in enumerate(z) if i != j]) for z in (a, b)
    ]
    return sum(within) - 2 * np.mean([kernel(x, y) for x in a for y in b])


def test_value_is_that_of_the_definition(rng):
    a, b = rng.normal(size=(17, 4)), rng.normal(0.3, 1, size=(9, 4))
    assert evaluate.kid(a, b).value == pytest.approx(estimate(a, b), rel=1e-10)
    single = [x.astype(np.float32) for x in (a, b)]
    assert evaluate.kid(*single).value == pytest.approx(estimate(a, b), rel=1e-4)


def test_error_is_that_of_the_jackknife(rng):
    a, b = rng.normal(size=(8, 3)), rng.normal(size=(6, 3))
    left_a = np.array([estimate(np.delete(a, i, 0), b) for i in range(len(a))])
    left_b = np.array([estimate(a, np.delete(b, i, 0)) for i in range(len(b))])
    variance = sum((len(z) - 1) / len(z) * np.sum((z - z.mean()) ** 2) for z in (left_a, left_b))
    assert evaluate.kid(a, b).error == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_estimates_of_equal_distributions_scatter_around_zero_as_the_error_says(rng):
    actual = [evaluate.kid(*rng.normal(size=(2, 60, 5))) for _ in range(60)]
    values, errors = np.transpose(actual)
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
    assert errors.mean() == pytest.approx(values.std(), rel=0.5)


def counted(real, samples, neighbours):
    """Density and coverage by the definition."""
    inside, reached = 0, 0
    for i, x in enumerate(real):
        others = sorted(np.linalg.norm(x - y) for j, y in enumerate(real) if j != i)
        hits = sum(np.linalg.norm(x - y) < others[neighbours - 1] for y in samples)
        inside, reached = inside + hits, reached + (hits > 0)
    return inside / (neighbours * len(samples)), reached / len(real)


@pytest.mark.parametrize("neighbours", [1, 3])
def test_density_and_coverage_are_those_of_the_definition(rng, neighbours):
    real, samples = rng.normal(size=(23, 3)), rng.normal(0.5, 0.5, size=(15, 3))
    actual = evaluate.density_coverage(real, samples, neighbours=neighbours)
    assert actual == pytest.approx(counted(real, samples, neighbours))


def test_density_and_coverage_far_from_0(rng):
    real, samples = (np.float32(rng.normal(size=(n, 3)) + 1e4) for n in (23, 15))
    expected = counted(np.float64(real), np.float64(samples), 3)
    assert evaluate.density_coverage(real, samples, neighbours=3) == pytest.approx(expected)


def test_density_and_coverage_at_the_edges(rng):
    real = rng.normal(size=(40, 3))
    assert evaluate.density_coverage(real, real + 100) == (0, 0)
    near = evaluate.density_coverage(real, np.repeat(real[:1], 10, 0))
    assert near.coverage < 0.5
    same = evaluate.density_coverage(*rng.normal(size=(2, 400, 3)))
    assert same == pytest.approx((1, 1), abs=0.15)


def test_refuses(rng):
    a = rng.normal(size=(5, 3))
    with pytest.raises(ValueError, match="at least 3 images, got 2 and 5"):
        evaluate.kid(a[:2], a)
    with pytest.raises(ValueError, match="of one size, got 3 and 2"):
        evaluate.kid(a, a[:, :2])
    with pytest.raises(ValueError, match="at least 6 real images, got 5"):
        evaluate.density_coverage(a, a)
