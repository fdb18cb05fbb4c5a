import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.models import PATHS, Normal, draw, interpolate, interpolate_spherically, redraw, traverse

KEY = jax.random.key(0)
PRIORS = (Normal(dim=2), Normal(dim=3))
CODE = (jnp.array([[0.1, 0.2]]), jnp.array([[0.3, 0.4, 0.5]]))


def assert_codes_equal(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_draw_is_independent_between_levels():
    first, second = draw(KEY, (Normal(dim=2), Normal(dim=2)), 4)
    assert first.shape == second.shape == (4, 2)
    assert not np.any(first == second)


def test_draw_is_from_the_priors():
    codes = draw(KEY, (Normal(dim=1, loc=5.0, scale=0.1), Normal(dim=2, loc=-5.0, scale=0.1)), 3)
    assert_codes_equal([jnp.round(z / 5) for z in codes], [jnp.ones((3, 1)), -jnp.ones((3, 2))])


@pytest.mark.parametrize("level", [1, 2])
def test_redraw_keeps_the_other_levels(level):
    code = draw(KEY, PRIORS, 4)
    prior = PRIORS[level - 1]
    new = redraw(jax.random.key(1), code, level=level, prior=prior)
    for number, (before, after) in enumerate(zip(code, new, strict=True), start=1):
        assert before.shape == after.shape
        assert np.array_equal(before, after) == (number != level)


def test_traverse_moves_the_first_dimension_fastest():
    values = jnp.array([-2.0, 0.0, 2.0])
    moved, kept = traverse(CODE, values, level=1)
    for second in range(3):
        for first in range(3):
            np.testing.assert_array_equal(moved[3 * second + first], values[jnp.array([first, second])])
    np.testing.assert_array_equal(kept, jnp.broadcast_to(CODE[1], (9, 3)))


def test_traverse_keeps_further_dimensions():
    kept, moved = traverse(CODE, jnp.array([-1.0, 1.0]), level=2)
    np.testing.assert_array_equal(moved, [[-1, -1, 0.5], [1, -1, 0.5], [-1, 1, 0.5], [1, 1, 0.5]])
    np.testing.assert_array_equal(kept, jnp.broadcast_to(CODE[0], (4, 2)))


def test_traverse_repeats_the_line_of_a_single_dimension():
    (moved,) = traverse((jnp.zeros((1, 1)),), jnp.array([-1.0, 1.0]), level=1)
    np.testing.assert_array_equal(moved[:, 0], [-1, 1, -1, 1])


def test_traverse_can_have_another_code_in_each_cell():
    code = draw(KEY, PRIORS, 4)
    kept, moved = traverse(code, jnp.array([-1.0, 1.0]), level=2)
    np.testing.assert_array_equal(kept, code[0])
    np.testing.assert_array_equal(moved[:, 2], code[1][:, 2])


def test_interpolate_goes_straight_from_start_to_end():
    end = (jnp.array([[1.1, 0.2]]), jnp.array([[0.3, -0.4, 1.5]]))
    path = interpolate(CODE, end, 3)
    assert_codes_equal([z[:1] for z in path], CODE)
    assert_codes_equal([z[2:] for z in path], end)
    assert_codes_equal([z[1:2] for z in path], [(a + b) / 2 for a, b in zip(CODE, end, strict=True)])


@pytest.mark.parametrize("level", [0, 3])
def test_a_level_that_is_not_there_is_refused(level):
    expected = rf"levels 1 \(bottom\) to 2 \(top\), got {level}"
    with pytest.raises(ValueError, match=expected):
        redraw(KEY, CODE, level=level, prior=Normal(dim=2))
    with pytest.raises(ValueError, match=expected):
        traverse(CODE, jnp.zeros(2), level=level)


def test_spherical_interpolation_turns_by_equal_angles():
    start, end = jnp.array([[3.0, 0.0, 0.0]]), jnp.array([[0.0, 0.0, 3.0]])
    (path,) = interpolate_spherically((start,), (end,), 4)
    angles = np.deg2rad([0.0, 30.0, 60.0, 90.0])
    expected = 3 * np.stack([np.cos(angles), np.zeros(4), np.sin(angles)], axis=1)
    np.testing.assert_allclose(path, expected, atol=1e-6)


def test_spherical_interpolation_keeps_the_length_of_draws():
    start, end = (draw(jax.random.key(seed), (Normal(dim=400), Normal(dim=1)), 1) for seed in (0, 1))
    round_, straight = (way(start, end, 9)[0] for way in (interpolate_spherically, interpolate))
    lengths = np.linalg.norm(round_, axis=1)
    assert lengths.min() > 0.95 * min(lengths[0], lengths[-1])
    assert np.linalg.norm(straight, axis=1).min() < 0.8 * lengths.min()


def test_spherical_interpolation_ends_where_it_should():
    end = (jnp.array([[1.1, -0.2]]), jnp.array([[0.3, -0.4, 1.5]]))
    path = interpolate_spherically(CODE, end, 5)
    assert_codes_equal([z[:1] for z in path], CODE)
    np.testing.assert_allclose(path[1][4:], end[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("end", [[0.2, 0.4], [-0.1, -0.2], [0.0, 0.0], [0.1, 0.2]])
def test_spherical_interpolation_without_one_great_circle_is_straight(end):
    start, end = (jnp.array([[0.1, 0.2]]),), (jnp.array([end]),)
    path, straight = interpolate_spherically(start, end, 5)[0], interpolate(start, end, 5)[0]
    np.testing.assert_allclose(path, straight, atol=1e-6)


@pytest.mark.parametrize("way", [interpolate, interpolate_spherically])
def test_an_interpolation_of_one_step_is_refused(way):
    with pytest.raises(ValueError, match="at least 2 steps, its ends, got 1"):
        way(CODE, CODE, 1)


def test_paths_have_names():
    assert {"linear": interpolate, "spherical": interpolate_spherically} == PATHS
