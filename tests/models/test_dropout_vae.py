import jax
import jax.numpy as jnp
import numpy as np
import pytest
from torch_layers import conv, dense, tensors, transposed

from jaxvae import models
from jaxvae.models import DropoutVAE

KEY = jax.random.key(0)
INDEX = jnp.arange(4)
BOTH = {"encoder_dropout": 0.4, "decoder_dropout": 0.2}


def build(**changes):
    return DropoutVAE(**({"image_shape": (9, 12, 2), "latent_sizes": (3, 1), "widths": (2, 4)} | changes))


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (4, 9, 12, 2))


@pytest.fixture(scope="module")
def variables():
    return models.init(KEY, build())


def assert_close(actual, expected, atol=1e-5):
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=atol, atol=atol)


def assert_differs(actual, expected):
    assert float(jnp.abs(actual - expected).max()) > 1e-3


@pytest.mark.parametrize("latent_sizes", [(2,), (5,), (2, 8)])
def test_number_of_parameters(latent_sizes):
    shapes = jax.eval_shape(lambda: models.init(KEY, DropoutVAE((28, 28, 1), latent_sizes)))
    size, code = 7 * 7 * 64, sum(latent_sizes)
    encoder = (9 * 32 + 32) + (9 * 32 * 64 + 64) + 2 * code * (size + 1)
    decoder = size * (code + 1) + (9 * 64 * 32 + 32) + (9 * 32 + 1)
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == encoder + decoder


def test_a_plain_autoencoder_decodes_its_code_without_noise(images):
    model = build(gaussian=False)
    variables = models.init(KEY, model)
    one, other = (model.apply(variables, key, images, INDEX, True) for key in jax.random.split(KEY))
    assert_close(one.logits, other.logits, 0)
    for q, z in zip(one.posteriors, one.latents, strict=True):
        assert_close(z, q.mean, 0)
        assert float(jnp.abs(q.stddev).max()) == 0
    sizes = [models.init(KEY, build(gaussian=g))["params"]["head"]["kernel"].shape[1] for g in (True, False)]
    assert sizes == [8, 4]


@pytest.mark.parametrize("widths", [(3,), (2, 4), (2, 3, 4, 5)])
def test_output_has_the_images_shape(widths, images):
    model = build(widths=widths)

    def run():
        output = model.apply(models.init(KEY, model), KEY, images, INDEX, True, **BOTH)
        assert output.label_logits is None
        return output.logits, output.latents, [q.stddev for q in output.posteriors]

    logits, *codes = jax.eval_shape(run)
    assert logits.shape == images.shape
    assert [[z.shape for z in levels] for levels in codes] == [[(4, 3), (4, 1)]] * 2


def test_network_is_pytorchs():
    torch = pytest.importorskip("torch")
    model = DropoutVAE((28, 28, 1), (2, 3))
    variables = models.init(KEY, model)
    p = tensors(variables["params"])
    image = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    x = torch.from_numpy(image).permute(0, 3, 1, 2)
    for name in ("stages_0", "stages_1"):
        x = torch.relu(conv(x, p[name], stride=2, padding=1))
    mean, log_variance = dense(x.permute(0, 2, 3, 1).flatten(1), p["head"]).chunk(2, 1)
    posteriors = models.encode(model, variables, jnp.asarray(image))
    np.testing.assert_allclose(jnp.concatenate([q.mean for q in posteriors], 1), mean, atol=1e-5)
    stddev = jnp.concatenate([q.stddev for q in posteriors], 1)
    np.testing.assert_allclose(stddev, (log_variance / 2).exp(), atol=1e-5)
    x = torch.relu(dense(mean, p["expand"])).reshape(3, 7, 7, 64).permute(0, 3, 1, 2)
    x = torch.relu(transposed(x, p["unstages_0"], stride=2, padding=1, output_padding=1))
    x = transposed(x, p["to_logits"], stride=2, padding=1, output_padding=1)
    logits = model.apply(variables, tuple(q.mean for q in posteriors), method="decode")
    np.testing.assert_allclose(logits, x.permute(0, 2, 3, 1), atol=1e-5)


def test_evaluation_has_no_dropout(images, variables):
    plain = build().apply(variables, KEY, images, INDEX)
    assert_close(build(**BOTH).apply(variables, KEY, images, INDEX), plain, atol=0)
    assert_close(build().apply(variables, KEY, images, INDEX, **BOTH), plain, atol=0)
    assert_close(build().apply(variables, KEY, images, INDEX, True), plain, atol=0)
    assert_close(plain.posteriors, build(**BOTH).apply(variables, images, True, method="encode"), atol=0)
    logits = build(**BOTH).apply(variables, plain.latents, True, method="decode")
    assert_close(plain.logits, logits)


def test_dropout_is_where_it_was_asked_for(images, variables):
    plain, down, up = (
        build(**rates).apply(variables, KEY, images, INDEX, True)
        for rates in ({}, {"encoder_dropout": 0.4}, {"decoder_dropout": 0.4})
    )
    assert_differs(down.posteriors[0].mean, plain.posteriors[0].mean)
    assert_close(up.posteriors, plain.posteriors, atol=0)
    assert_differs(up.logits, plain.logits)
    logits = build().apply(variables, down.latents, method="decode")
    assert_close(down.logits, logits)


def test_an_array_replaces_the_models_own_rate(images, variables):
    own = build(**BOTH).apply(variables, KEY, images, INDEX, True)

    @jax.jit
    def replaced(rates):
        return build(encoder_dropout=0.1).apply(variables, KEY, images, INDEX, True, **rates)

    assert_close(replaced(jax.tree.map(jnp.array, BOTH)), own)
    none = replaced({name: jnp.array(0.0) for name in BOTH})
    assert_close(none, build().apply(variables, KEY, images, INDEX))


def test_without_dropout_no_masks_are_made(images, variables):
    def program(model, **rates):
        return str(jax.make_jaxpr(lambda: model.apply(variables, KEY, images, INDEX, True, **rates))())

    assert "u16[" not in program(build())
    assert "u16[" not in program(build(**BOTH), encoder_dropout=0.0, decoder_dropout=0.0)
    assert "u16[" in program(build(), encoder_dropout=0.1)


def test_noise_and_masks_belong_to_the_position_in_the_global_batch(images, variables):
    whole = build(**BOTH).apply(variables, KEY, images, INDEX, True)
    rows = jnp.array([3, 1])
    part = build(**BOTH).apply(variables, KEY, images[rows], rows, True)
    assert_close(part, jax.tree.map(lambda leaf: leaf[rows], whole))


@pytest.mark.parametrize("name", BOTH)
def test_a_rate_outside_its_range_is_refused(name):
    with pytest.raises(ValueError, match=r"a dropout rate must be in \[0, 1\), got 1"):
        build(**{name: 1.0})
