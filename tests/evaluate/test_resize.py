import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxvae import evaluate

SIZES = [(28, 28), (32, 48), (1, 7), (299, 299), (400, 310)]


def pillow(image, size):
    """What clean-fid does to an image of one size."""
    channels = [Image.fromarray(np.ascontiguousarray(channel)) for channel in np.moveaxis(image, -1, 0)]
    resized = [np.asarray(channel.resize((size, size), Image.Resampling.BICUBIC)) for channel in channels]
    return np.stack(resized, -1).clip(0, 255)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_clean_is_pillows(rng, size):
    images = rng.integers(0, 256, (2, *size, 3)).astype(np.float32)
    expected = np.stack([pillow(image, 299) for image in images])
    np.testing.assert_allclose(evaluate.resize_clean(jnp.asarray(images), 299), expected, atol=1e-3)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bilinear_is_pytorchs(rng, size):
    torch = pytest.importorskip("torch")
    images = rng.integers(0, 256, (2, *size, 3)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images).permute(0, 3, 1, 2), size=(299, 299), mode="bilinear", align_corners=False
    )
    actual = evaluate.resize_bilinear(jnp.asarray(images), 299)
    np.testing.assert_allclose(actual, expected.permute(0, 2, 3, 1), atol=2e-2)
    np.testing.assert_allclose(np.mean(np.abs(actual - expected.permute(0, 2, 3, 1).numpy())), 0, atol=1e-3)


def test_bilinear_by_hand():
    image = jnp.float32([0.0, 8.0])[None, None, :, None]
    row = evaluate.resize_bilinear(image, 4)[0, 0, :, 0]
    np.testing.assert_allclose(row, [0, 2, 6, 8])
    np.testing.assert_allclose(
        evaluate.resize_bilinear(jnp.float32([0, 1, 2, 3])[None, None, :, None], 2)[0, 0, :, 0], [0.5, 2.5]
    )


def test_clean_averages_where_bilinear_skips():
    """Stripes of one pixel, shrunk eightfold: antialiasing makes them grey."""
    stripes = jnp.tile(jnp.float32([0, 255]), 400)[None, None, :, None]
    stripes = jnp.broadcast_to(stripes, (1, 800, 800, 1))
    grey = evaluate.resize_clean(stripes, 100)
    assert float(jnp.std(grey)) < 1
    assert float(jnp.mean(grey)) == pytest.approx(127.5, abs=0.5)


def test_a_constant_image_stays_as_it_is():
    image = jnp.full((1, 5, 9, 1), 77.0)
    for resize in evaluate.RESIZES.values():
        np.testing.assert_allclose(resize(image, 31), 77, rtol=1e-5)


def test_clean_clips_what_the_cubic_overshoots():
    edge = jnp.repeat(jnp.float32([0, 255]), 4)[None, None, :, None]
    actual = evaluate.resize_clean(edge, 64)
    assert float(actual.min()) == 0
    assert float(actual.max()) == 255
