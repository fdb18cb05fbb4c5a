import numpy as np

from jaxvae.evaluate import attribute_vectors


def test_vectors_are_differences_of_mean_codes():
    rng = np.random.default_rng(0)
    codes, has = rng.normal(size=(50, 4)).astype(np.float32), rng.random((50, 3)) < 0.4
    expected = [codes[mark].mean(axis=0) - codes[~mark].mean(axis=0) for mark in has.T]
    vectors = attribute_vectors(codes, has)
    assert vectors.shape == (3, 4)
    np.testing.assert_allclose(vectors, expected, rtol=1e-5, atol=1e-6)


def test_codes_that_are_moved_by_attributes_give_the_moves():
    """With every combination of attributes once, each vector is the move itself."""
    has = np.array([[bool(i & 1), bool(i & 2)] for i in range(4)])
    moves = np.array([[1.0, 0.0, 2.0], [-3.0, 0.5, 0.0]], np.float32)
    np.testing.assert_array_equal(attribute_vectors(np.float32(7) + has @ moves, has), moves)


def test_an_attribute_that_all_or_none_have_gives_zero():
    codes = np.ones((5, 2), np.float32)
    has = np.stack([np.ones(5, bool), np.zeros(5, bool)], axis=1)
    np.testing.assert_array_equal(attribute_vectors(codes, has), np.zeros((2, 2)))


def test_many_codes_far_from_the_origin_lose_no_digits():
    codes = np.full((20_000, 1), 1e4, np.float32)
    has = np.arange(20_000)[:, None] % 2 == 0
    codes[::2] += 0.5
    np.testing.assert_array_equal(attribute_vectors(codes, has), [[0.5]])
