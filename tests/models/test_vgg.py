import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.models import VGG16, layout, load_vgg16
from jaxvae.models.layouts import LAYOUTS
from jaxvae.models.vgg import WIDTHS

SIZES = [width for block in WIDTHS for width in block]


@pytest.fixture(scope="module")
def tree():
    """Weights in the package's form: He's kernels, so that activations keep their size."""
    rng, before, network = np.random.default_rng(0), 3, {}
    for number, width in enumerate(SIZES):
        kernel = rng.standard_normal((3, 3, before, width), np.float32) * np.float32((2 / 9 / before) ** 0.5)
        network[f"Conv_{number}"] = {"kernel": kernel, "bias": rng.random(width, np.float32) / 10}
        before = width
    heads = {
        f"NetLinLayer_{n}": {"Conv_0": {"kernel": rng.random((1, 1, block[-1], 1), np.float32)}}
        for n, block in enumerate(WIDTHS)
    }
    return {"VGG16_0": network, **heads}


@pytest.fixture(scope="module")
def weights(tree, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg16.ckpt"
    path.write_bytes(pickle.dumps(tree, protocol=3))
    return load_vgg16(path)


@pytest.fixture(scope="module")
def images():
    return jnp.asarray(np.random.default_rng(1).random((2, 20, 18, 3), np.float32))


@pytest.fixture(scope="module")
def features(weights, images):
    return VGG16(layout=layout("native")).apply(weights.variables, images)


def test_activations_are_pytorchs(tree, images, features):
    torch = pytest.importorskip("torch")
    mean, stddev = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    x, number = torch.from_numpy((np.asarray(images) - mean) / stddev).permute(0, 3, 1, 2), 0
    for block, widths in enumerate(WIDTHS):
        x = torch.max_pool2d(x, 2) if block else x
        for _ in widths:
            layer = tree["VGG16_0"][f"Conv_{number}"]
            kernel = torch.from_numpy(layer["kernel"]).permute(3, 2, 0, 1)
            x, number = (
                torch.relu(torch.conv2d(x, kernel, torch.from_numpy(layer["bias"]), padding=1)),
                number + 1,
            )
        expected = x.permute(0, 2, 3, 1).numpy()
        np.testing.assert_allclose(features[block], expected, atol=1e-4 * np.abs(expected).max())


def test_layouts_agree(weights, images, features):
    for name in LAYOUTS:
        for actual, expected in zip(
            VGG16(layout=layout(name)).apply(weights.variables, images), features, strict=True
        ):
            np.testing.assert_allclose(actual, expected, atol=1e-4 * float(jnp.abs(expected).max()))


def test_grey_images_are_repeated(weights, images):
    grey = images[..., :1]
    actual, expected = (VGG16().apply(weights.variables, x)[0] for x in (grey, jnp.repeat(grey, 3, axis=-1)))
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_heads_have_a_weight_for_each_channel(tree, weights):
    assert [head.shape for head in weights.heads] == [(block[-1],) for block in WIDTHS]
    np.testing.assert_array_equal(weights.heads[2], tree["NetLinLayer_2"]["Conv_0"]["kernel"].ravel())


@pytest.mark.parametrize("shape", [(1, 15, 20, 3), (1, 20, 20, 2)])
def test_images_that_do_not_fit_are_refused(weights, shape):
    with pytest.raises(ValueError, match="1 or 3 channels and at least 16 x 16 pixels, got shape"):
        VGG16().apply(weights.variables, jnp.zeros(shape))


class Evil:
    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda tree: pickle.dumps(tree)[:1000], "holds no weights of VGG16"),
        (lambda tree: b"text", "holds no weights of VGG16"),
        (lambda tree: pickle.dumps({"VGG16_0": {}}), "holds no weights of VGG16"),
        (lambda tree: pickle.dumps(Evil()), "which is no array"),
        (
            lambda tree: pickle.dumps(
                tree | {"VGG16_0": tree["VGG16_0"] | {"Conv_0": tree["VGG16_0"]["Conv_1"]}}
            ),
            "its arrays have other shapes",
        ),
        (
            lambda tree: pickle.dumps(
                tree | {"NetLinLayer_4": {"Conv_0": {"kernel": np.full((1, 1, 512, 1), np.nan, np.float32)}}}
            ),
            "not finite float32 numbers",
        ),
    ],
    ids=["truncated", "text", "other tree", "code", "shapes", "NaN"],
)
def test_a_file_that_holds_something_else_is_refused(tree, tmp_path, capsys, spoil, message):
    path = tmp_path / "vgg16.ckpt"
    path.write_bytes(spoil(tree))
    with pytest.raises(ValueError, match=message):
        load_vgg16(path)
    assert capsys.readouterr().out == ""


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.ckpt does not exist; pip install"):
        load_vgg16(tmp_path / "none.ckpt")


def test_initial_variables_have_the_networks_shapes():
    shapes = jax.eval_shape(VGG16().init, jax.random.key(0), jnp.zeros((1, 16, 16, 1)))["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 14_714_688
