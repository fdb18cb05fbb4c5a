import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.losses import average_pool, colour_distance, colour_loss

KEY = jax.random.key(0)
wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])


def images(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


@wraps
def test_cells_of_sides_that_3_divides_are_plain_averages(wrap):
    x = images(2, 96, 12, 3)
    expected = x.astype(np.float64).reshape(2, 3, 32, 3, 4, 3).mean((2, 4))
    np.testing.assert_allclose(wrap(average_pool)(jnp.asarray(x)), expected, rtol=1e-5)


@pytest.mark.parametrize("size", [(32, 28), (3, 5), (4, 11), (96, 96)])
def test_cells_are_those_of_pytorchs_adaptive_pool(size):
    torch = pytest.importorskip("torch")
    x = images(2, *size, 3)
    pooled = torch.nn.AdaptiveAvgPool2d(3)(torch.from_numpy(x).permute(0, 3, 1, 2))
    np.testing.assert_allclose(average_pool(jnp.asarray(x)), pooled.permute(0, 2, 3, 1), rtol=1e-5, atol=1e-6)


def test_every_pixel_counts():
    gradient = jax.grad(lambda x: average_pool(x).sum())(jnp.zeros((1, 32, 35, 1)))
    assert gradient.min() > 0
    np.testing.assert_allclose(gradient.sum(), 9, rtol=1e-5)


def test_distance_of_a_tint_is_its_square():
    x = jnp.asarray(images(4, 32, 32, 3)) / 2
    tint = jnp.array([0.3, 0.0, -0.1]).reshape(1, 1, 1, 3)
    np.testing.assert_allclose(colour_distance(x, x + tint), (0.3**2 + 0.1**2) / 3, rtol=1e-4)


def test_structure_within_a_cell_does_not_matter():
    rows, columns = np.indices((12, 12))
    board = jnp.asarray((rows + columns) % 2, jnp.float32)[None, :, :, None]
    np.testing.assert_allclose(colour_distance(board, 1 - board), 0, atol=1e-12)
    assert colour_distance(board, jnp.zeros_like(board))[0] == pytest.approx(0.25)


def test_term_compares_the_mean_image_with_the_image(output, batch):
    expected = colour_distance(jax.nn.sigmoid(output.logits), batch.image)
    np.testing.assert_allclose(colour_loss()(KEY, output, batch), expected, rtol=1e-6)
    same = dataclasses.replace(output, logits=jnp.log(batch.image / (1 - batch.image)))
    np.testing.assert_allclose(colour_loss()(KEY, same, batch), 0, atol=1e-10)


def test_images_smaller_than_the_cells_are_refused():
    with pytest.raises(ValueError, match=r"3 x 3 cells, so images need at least 3 x 3 pixels, got 2 x 9"):
        colour_distance(jnp.zeros((1, 2, 9, 3)), jnp.zeros((1, 2, 9, 3)))
