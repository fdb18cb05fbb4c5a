import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxvae.models import (
    AAE,
    Autoencoder,
    ConditionalVAE,
    ConvVAE,
    Normal,
    decode,
    draw,
    encode,
    forward,
    init,
    normal_priors,
    own_priors,
    reconstruct,
    reparameterize,
    sample,
    standard_priors,
)
from jaxvae.types import Batch, Posterior

KEY = jax.random.key(0)
CODE = (jnp.array([[0.1, 0.2]]), jnp.array([[0.3, 0.4, 0.5]]))


class Linear(Autoencoder):
    """Two levels that are linear functions of the image."""

    image_shape: tuple[int, int, int] = (2, 2, 1)
    latent_sizes: tuple[int, ...] = (2, 3)

    def setup(self):
        self.down = self.param("down", nn.initializers.normal(), (4, 5))
        self.up = self.param("up", nn.initializers.normal(), (5, 4))

    def _encode(self, image, train):
        means = jnp.split(image.reshape(-1, 4) @ self.down, [2], axis=1)
        return tuple(Posterior(mean, jnp.ones_like(mean)) for mean in means)

    def _decode(self, latents, train):
        return (jnp.concatenate(latents, axis=1) @ self.up).reshape(-1, 2, 2, 1)


MODEL = Linear()


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (4, 2, 2, 1))


@pytest.fixture(scope="module")
def variables():
    down, up = jax.random.normal(KEY, (2, 4, 5))
    return {"params": {"down": down, "up": up.T}}


def assert_codes_equal(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_standard_priors_are_one_for_each_level():
    assert standard_priors(MODEL) == (Normal(dim=2), Normal(dim=3))


def test_a_models_own_priors_are_standard_unless_the_family_says_otherwise():
    assert own_priors(MODEL) == normal_priors(MODEL) == standard_priors(MODEL)
    model = ConvVAE((4, 4, 1), 3, prior=(1.0, 2.0))
    assert own_priors(model) == normal_priors(model) == (Normal(dim=3, loc=1.0, scale=2.0),)
    assert standard_priors(model) == (Normal(dim=3),)


def test_a_prior_that_is_not_normal_is_refused_where_it_has_to_be():
    with pytest.raises(ValueError, match="Gaussian priors is needed, got one with a Ring"):
        normal_priors(AAE((4, 4, 1), prior="ring"))


def test_init_gives_the_modules_variables(variables):
    drawn = init(KEY, MODEL)
    assert jax.tree.map(jnp.shape, drawn) == jax.tree.map(jnp.shape, variables)
    assert not np.any(drawn["params"]["up"] == init(jax.random.key(1), MODEL)["params"]["up"])


def test_forward_draws_codes_by_position(variables, images):
    batch = Batch(image=images, label=jnp.full(4, -1), mask=jnp.ones(4), index=jnp.array([3, 1, 0, 2]))
    output = forward(KEY, MODEL, variables, batch)
    for level, (z, q) in enumerate(zip(output.latents, encode(MODEL, variables, images), strict=True)):
        expected = reparameterize(jax.random.fold_in(KEY, level), q, batch.index)
        np.testing.assert_allclose(z, expected, rtol=1e-5)
    logits = MODEL.apply(variables, output.latents, method="decode")
    np.testing.assert_allclose(output.logits, logits, rtol=1e-5)


def test_decode_gives_the_mean_image(variables):
    logits = MODEL.apply(variables, CODE, method="decode")
    np.testing.assert_allclose(decode(MODEL, variables, CODE), 1 / (1 + jnp.exp(-logits)), rtol=1e-5)


def test_reconstruct_decodes_the_posterior_means(variables, images):
    posteriors = encode(MODEL, variables, images)
    assert [q.mean.shape for q in posteriors] == [(4, 2), (4, 3)]
    expected = decode(MODEL, variables, tuple(q.mean for q in posteriors))
    np.testing.assert_allclose(reconstruct(MODEL, variables, images), expected, rtol=1e-6)


def test_sample_decodes_draws_from_the_priors(variables):
    images = sample(KEY, MODEL, variables, 3)
    np.testing.assert_allclose(
        images, decode(MODEL, variables, draw(KEY, standard_priors(MODEL), 3)), rtol=1e-6
    )
    narrow = sample(KEY, MODEL, variables, 3, priors=(Normal(dim=2, scale=1e-6), Normal(dim=3, scale=1e-6)))
    np.testing.assert_allclose(narrow, jnp.broadcast_to(narrow[:1], narrow.shape), atol=1e-5)
    assert jnp.abs(images[0] - images[1]).max() > 1e-3


@pytest.fixture(scope="module")
def conditional():
    """A conditional model, its variables, images, and their labels."""
    model = ConditionalVAE((4, 4, 1), (2, 1), (2,), classes=3)
    images = jax.random.uniform(KEY, (4, 4, 4, 1))
    return model, init(KEY, model), images, jnp.array([2, 0, -1, 1])


def test_a_conditional_model_is_given_the_batchs_labels(conditional):
    model, variables, images, labels = conditional
    batch = Batch(image=images, label=labels, mask=jnp.ones(4), index=jnp.arange(4))
    output = forward(KEY, model, variables, batch)
    expected = model.apply(variables, KEY, images, batch.index, label=labels)
    np.testing.assert_array_equal(output.logits, expected.logits)


def test_a_conditional_model_is_used_with_labels(conditional):
    model, variables, images, labels = conditional
    posteriors = encode(model, variables, images, labels=labels)
    expected = model.apply(variables, images, label=labels, method="encode")
    np.testing.assert_array_equal(posteriors[0].mean, expected[0].mean)
    codes = tuple(q.mean for q in posteriors)
    decoded = decode(model, variables, codes, labels=labels)
    logits = model.apply(variables, codes, label=labels, method="decode")
    np.testing.assert_allclose(decoded, 1 / (1 + jnp.exp(-logits)), rtol=1e-5)
    np.testing.assert_array_equal(reconstruct(model, variables, images, labels=labels), decoded)
    drawn = sample(KEY, model, variables, 4, labels=labels)
    codes = draw(KEY, standard_priors(model), 4)
    np.testing.assert_array_equal(drawn, decode(model, variables, codes, labels=labels))
    assert np.abs(drawn - sample(KEY, model, variables, 4, labels=labels[::-1])).max() > 1e-3


@pytest.mark.parametrize("labels", [None, jnp.zeros(3, jnp.int32)])
def test_a_conditional_model_needs_a_label_for_each(conditional, labels):
    model, variables, images, _ = conditional
    codes = tuple(jnp.zeros((4, size)) for size in model.latent_sizes)
    for use in (
        lambda: encode(model, variables, images, labels=labels),
        lambda: decode(model, variables, codes, labels=labels),
        lambda: reconstruct(model, variables, images, labels=labels),
        lambda: sample(KEY, model, variables, 4, labels=labels),
    ):
        with pytest.raises(ValueError, match=r"takes class numbers of shape \(4,\), got (None|\(3,\))\."):
            use()


def test_other_models_take_no_labels(variables, images):
    labels = jnp.zeros(4, jnp.int32)
    for use in (
        lambda: encode(MODEL, variables, images, labels=labels),
        lambda: decode(MODEL, variables, CODE, labels=labels[:1]),
        lambda: reconstruct(MODEL, variables, images, labels=labels),
        lambda: sample(KEY, MODEL, variables, 4, labels=labels),
    ):
        with pytest.raises(ValueError, match="is not conditional and takes no labels"):
            use()
