import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import models
from jaxvae.models import VAEGAN
from jaxvae.types import Batch

KEY = jax.random.key(0)
INDEX = jnp.arange(4)
MODEL = VAEGAN((9, 12, 2), 3, (2, 4), (3, 5), 6, 2, attributes=2)


def attributes(n=4):
    return jnp.asarray(np.random.default_rng(0).integers(0, 2, (n, 2)), jnp.float32)


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (4, 9, 12, 2))


@pytest.fixture(scope="module")
def variables():
    return models.init(KEY, MODEL)


def play(variables, images, model=MODEL, **given):
    given = {"label": attributes() if model.attributes else None} | given
    return model.apply(variables, KEY, images, INDEX, method="play", mutable=["batch_stats"], **given)[0]


def test_parameters_are_one_subtree_for_each_network(variables):
    assert set(variables["params"]) == {"encoder", "decoder", "discriminator"}


def test_play_is_the_three_networks_in_a_row(images):
    """Without BatchNorm in the discriminator every verdict is that of the image by itself."""
    model = MODEL.clone(normalisation="none")
    variables = models.init(KEY, model)
    judged = play(variables, images, model, train=False)
    output = model.apply(variables, KEY, images, INDEX, label=attributes())
    np.testing.assert_allclose(judged.logits, output.logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(judged.latents[0], output.latents[0])
    np.testing.assert_allclose(judged.fakes[0], jax.nn.sigmoid(output.logits), rtol=1e-4, atol=1e-5)
    shown, verdicts = (judged.real, *judged.fakes), (judged.real_logits, *judged.fake_logits)
    for image, verdict in zip(shown, verdicts, strict=True):
        alone = model.apply(variables, image, label=attributes(), method="discriminate")
        np.testing.assert_allclose(alone, verdict, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("layer", "size"), [(1, 5 * 6 * 3), (2, 3 * 3 * 5)])
def test_features_are_those_of_the_layer_asked_for(layer, size, images):
    model = MODEL.clone(feature_layer=layer)
    judged = play(models.init(KEY, model), images, model)
    assert judged.real_features.shape == judged.fake_features.shape == (4, size)


def test_features_of_equal_images_are_equal_in_training(images, variables):
    """Images and reconstructions share BatchNorm's statistics."""
    judged = play(variables, images)
    shown = jnp.concatenate([images, images, judged.fakes[1]])
    (_, features), _ = MODEL.apply(
        variables,
        shown,
        jnp.tile(attributes(), (3, 1)),
        method=lambda model, x, y: model.discriminator(x, True, y),
        mutable=["batch_stats"],
    )
    np.testing.assert_allclose(features[:4], features[4:8], rtol=1e-6)


def test_spectral_normalisation_brings_the_largest_singular_value_to_one(images):
    model = VAEGAN((9, 12, 2), 3, (2, 4), (3, 5), 6, 2, "spectral")
    variables = models.init(KEY, model)
    play = jax.jit(partial(model.apply, label=None, method="play", mutable=["batch_stats"]))
    for _ in range(30):
        _, updated = play(variables, KEY, images, INDEX)
        variables = {"params": variables["params"], **updated}
    kept = variables["batch_stats"]["discriminator"]
    sigmas = {
        name.split("/")[0]: value
        for tree in kept.values()
        for name, value in tree.items()
        if name.endswith("sigma")
    }
    layers = variables["params"]["discriminator"]
    assert set(sigmas) == set(layers)
    for name, sigma in sigmas.items():
        kernel = np.asarray(layers[name]["kernel"]).reshape(-1, layers[name]["kernel"].shape[-1])
        np.testing.assert_allclose(sigma, np.linalg.norm(kernel, 2), rtol=1e-2)


def test_instance_noise_reaches_the_discriminator_alone(images):
    model = MODEL.clone(normalisation="none")
    variables = models.init(KEY, model)
    clean, noisy = play(variables, images, model), play(variables, images, model, noise=0.5)
    np.testing.assert_array_equal(clean.logits, noisy.logits)
    np.testing.assert_array_equal(clean.real, noisy.real)
    np.testing.assert_array_equal(clean.real_logits, play(variables, images, model, noise=0.0).real_logits)
    for a, b in zip(
        (clean.real_logits, *clean.fake_logits), (noisy.real_logits, *noisy.fake_logits), strict=True
    ):
        assert np.abs(a - b).min() > 1e-5


def test_attributes_reach_all_three_networks(images, variables):
    on, off = jnp.ones((4, 2)), jnp.zeros((4, 2))
    codes = (jnp.zeros((4, 3)),)
    for function in (
        lambda y: models.encode(MODEL, variables, images, labels=y)[0].mean,
        lambda y: models.decode(MODEL, variables, codes, labels=y),
        lambda y: MODEL.apply(variables, images, label=y, method="discriminate"),
    ):
        assert np.abs(function(on) - function(off)).max() > 1e-4


def test_a_batch_brings_its_attributes(images, variables):
    batch = Batch(images, jnp.zeros(4, int), jnp.ones(4), INDEX, attributes())
    expected = MODEL.apply(variables, KEY, images, INDEX, label=attributes())
    np.testing.assert_array_equal(models.forward(KEY, MODEL, variables, batch).logits, expected.logits)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"widths": ()},
            "a VAE-GAN needs at least one layer in each chain and positive sizes, got image shape",
        ),
        ({"feature_layer": 3}, "one of the discriminator's 2 convolutions, 1 for the first, got 3"),
        ({"normalisation": "layer"}, "normalisation must be one of batch, spectral, none, got 'layer'"),
        ({"attributes": -1}, "number of attributes must be >= 0, got -1"),
    ],
)
def test_what_makes_no_network_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        MODEL.clone(**changes)


@pytest.mark.parametrize("method", ["discriminate", "play"])
def test_attributes_that_do_not_match_are_refused(method, images, variables):
    def use(model, label):
        arguments = (images,) if method == "discriminate" else (KEY, images, INDEX)
        model.apply(variables, *arguments, label=label, method=method, mutable=["batch_stats"])

    for label, got in ((None, "None"), (jnp.zeros((4, 3)), "(4, 3)")):
        with pytest.raises(ValueError, match=re.escape(f"attributes of shape (4, 2), got {got}.")):
            use(MODEL, label)
    with pytest.raises(ValueError, match="is not conditional and takes no labels"):
        use(MODEL.clone(attributes=0), attributes())
