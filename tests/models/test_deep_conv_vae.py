from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import models
from jaxvae.models import DeepConvVAE

KEY = jax.random.key(0)
INDEX = jnp.arange(4)


def build(**changes):
    return DeepConvVAE(**({"image_shape": (12, 15, 3), "latent_size": 12, "widths": (2, 4)} | changes))


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (4, 12, 15, 3))


def away_from_the_start(model):
    """Values away from the initial ones, where a mistake in their use would not show."""
    shapes = jax.eval_shape(lambda: models.init(KEY, model))
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        low = 0.2 if path[-1].key in ("scale", "var") else -0.3
        return jnp.asarray(rng.uniform(low, 0.3, leaf.shape), jnp.float32)

    return jax.tree.map_with_path(draw, shapes)


@pytest.mark.parametrize(
    ("image_shape", "widths", "bottleneck"),
    [((96, 96, 3), (32, 64, 128, 256), 4), ((32, 32, 3), (32, 64, 128), 2), ((28, 28, 1), (8, 16), 5)],
)
def test_sizes_come_out_exactly(image_shape, widths, bottleneck):
    model = DeepConvVAE(image_shape, 16, widths)
    variables = jax.eval_shape(lambda: models.init(KEY, model))
    assert variables["params"]["to_mean"]["kernel"].shape == (bottleneck**2 * widths[-1], 16)
    decoded = jax.eval_shape(lambda v, z: models.decode(model, v, (z,)), variables, jnp.zeros((2, 16)))
    assert decoded.shape == (2, *image_shape)


def test_number_of_parameters_is_the_architectures():
    params = jax.eval_shape(lambda: models.init(KEY, DeepConvVAE((96, 96, 3), 1024, (32, 64, 128, 256))))
    kernels = 16 * (3 * 32 + 32 * 64 + 64 * 128 + 128 * 256)
    heads, expand = 2 * (4096 * 1024 + 1024), 1024 * 4096
    norms = 2 * (32 + 64 + 128 + 256) + 2 * (256 + 128 + 64 + 32)
    total = sum(leaf.size for leaf in jax.tree.leaves(params["params"]))
    assert total == 2 * kernels + heads + expand + norms + 3


def test_heads_put_out_mean_and_log_variance(images):
    variables = away_from_the_start(build())

    def moved(**by):
        params = dict(variables["params"])
        for head, shift in by.items():
            params[head] = params[head] | {"bias": params[head]["bias"] + shift}
        return build().apply({**variables, "params": params}, images, method="encode")[0]

    before, after = moved(), moved(to_mean=1.0, to_log_variance=2.0)
    np.testing.assert_allclose(after.mean - before.mean, 1, rtol=1e-4)
    np.testing.assert_allclose(after.stddev**2 / before.stddev**2, np.exp(2), rtol=1e-4)


def test_a_convolutional_code_is_a_map():
    """A number of the code is seen by those pixels alone that its own pixel grows into."""
    model = build(image_shape=(22, 22, 3), latent_size=64, latent="conv")
    variables = away_from_the_start(model)
    codes = jnp.zeros((2, 64)).at[1, :4].set(3.0)
    before, after = models.decode(model, variables, (codes,))
    difference = jnp.abs(after - before)
    assert difference[:10, :10].max() > 1e-3
    assert max(difference[10:].max(), difference[:, 10:].max()) < 1e-6


def test_activations_are_those_that_the_heads_see(images):
    model, variables = build(), away_from_the_start(build())
    first, last = model.apply(variables, images, method="activations")
    assert first.shape == (4, 5, 6, 2)
    assert last.shape == (4, 1, 2, 4)
    head = variables["params"]["to_mean"]
    expected = last.reshape(4, -1) @ head["kernel"] + head["bias"].reshape(1, -1)
    np.testing.assert_allclose(
        models.encode(model, variables, images)[0].mean, expected, rtol=1e-4, atol=1e-5
    )


def squared(a, b):
    return sum(jnp.sum((x - y) ** 2) for x, y in zip(a, b, strict=True))


def put_out(kind, params, rest, images, train=False):
    model = build(deep_features=kind)
    return model.apply(
        {"params": params, **rest}, KEY, images, INDEX, train, mutable=list(rest) if train else False
    )


def seen(params, rest, images):
    return build().apply({"params": params, **rest}, images, method="activations")


def by_hand(stopped):
    """The gradient of the features' distance, with one set of parameters for the network and one for its judge."""

    def loss(params, judge, rest, images):
        judge = params if judge is None else judge
        logits = put_out("off", params, rest, images).logits
        return squared(seen(judge, rest, images), seen(judge, rest, jax.nn.sigmoid(logits)))

    return lambda params, rest, images: jax.grad(loss)(params, params if stopped else None, rest, images)


@pytest.mark.parametrize("kind", ["through", "stopped"])
def test_deep_features_are_the_encoders_and_their_gradient_goes_where_it_is_told(kind, images):
    variables = dict(away_from_the_start(build()))
    params = variables.pop("params")
    output = put_out(kind, params, variables, images)
    of_image, of_reconstruction = output.features
    for actual, image in ((of_image, images), (of_reconstruction, jax.nn.sigmoid(output.logits))):
        for a, b in zip(actual, seen(params, variables, image), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)

    def loss(params):
        return squared(*put_out(kind, params, variables, images).features)

    actual, expected = jax.grad(loss)(params), by_hand(kind == "stopped")(params, variables, images)
    other = by_hand(kind != "stopped")(params, variables, images)
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(expected))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * largest), actual, expected
    )
    first = ["stages_0", "Conv_0", "kernel"]
    mine, others = (tree[first[0]][first[1]][first[2]] for tree in (actual, other))
    assert jnp.abs(mine - others).max() > 1e-2 * jnp.abs(mine).max()


@pytest.mark.parametrize("kind", ["through", "stopped"])
def test_running_statistics_do_not_take_notice_of_reconstructions(kind, images):
    variables = dict(away_from_the_start(build()))
    params = variables.pop("params")
    plain, expected = put_out("off", params, variables, images, train=True)
    output, actual = put_out(kind, params, variables, images, train=True)
    np.testing.assert_allclose(output.logits, plain.logits, rtol=1e-5, atol=1e-6)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5), actual, expected)
    assert jax.tree.map(jnp.shape, models.init(KEY, build(deep_features=kind))) == jax.tree.map(
        jnp.shape, models.init(KEY, build())
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_shape": (45, 96, 3), "widths": (2, 2, 2, 2)}, r"4 stages of 4x4 .* 46 x 46 .*, got 45 x 96"),
        ({"kernel": 3, "image_shape": (6, 6, 1)}, r"2 stages of 3x3 .* 7 x 7 pixels or more, got 6 x 6"),
        ({"resampling": "bilinear"}, "resampling must be one of stride, pool, got 'bilinear'"),
        ({"latent": "flat"}, "latent must be one of dense, conv, got 'flat'"),
        ({"deep_features": "on"}, "deep_features must be one of off, through, stopped, got 'on'"),
        ({"latent": "conv", "latent_size": 5}, "over 1 x 2 pixels, .* a multiple of 2, got 5"),
    ],
)
def test_what_makes_no_network_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)
