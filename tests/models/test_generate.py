import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxvae.models import (
    ConditionalVAE,
    Normal,
    decode,
    draw,
    encode,
    forward,
    init,
    interpolate,
    interpolate_spherically,
    reconstruct,
    redraw,
    reparameterize,
    sample,
    standard_priors,
    traverse,
)
from jaxvae.types import Batch, Output, Posterior

KEY = jax.random.key(0)
CODE = (jnp.array([[0.1, 0.2]]), jnp.array([[0.3, 0.4, 0.5]]))


class Linear(nn.Module):
    """Two levels that are linear functions of the image."""

    latent_sizes: tuple[int, ...] = (2, 3)
    image_shape: tuple[int, ...] = (2, 2, 1)

    def setup(self):
        self.down = self.param("down", nn.initializers.normal(), (4, 5))
        self.up = self.param("up", nn.initializers.normal(), (5, 4))

    def encode(self, image):
        means = jnp.split(image.reshape(-1, 4) @ self.down, [2], axis=1)
        return tuple(Posterior(mean, jnp.ones_like(mean)) for mean in means)

    def decode(self, latents):
        return (jnp.concatenate(latents, axis=1) @ self.up).reshape(-1, 2, 2, 1)

    def __call__(self, key, image, index):
        posteriors = self.encode(image)
        latents = tuple(reparameterize(key, q, index) for q in posteriors)
        return Output(self.decode(latents), posteriors, latents)


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


def test_init_gives_the_modules_variables(variables):
    drawn = init(KEY, MODEL)
    assert jax.tree.map(jnp.shape, drawn) == jax.tree.map(jnp.shape, variables)
    assert not np.any(drawn["params"]["up"] == init(jax.random.key(1), MODEL)["params"]["up"])


def test_forward_draws_codes_by_position(variables, images):
    batch = Batch(image=images, label=jnp.full(4, -1), mask=jnp.ones(4), index=jnp.array([3, 1, 0, 2]))
    output = forward(KEY, MODEL, variables, batch)
    for z, q in zip(output.latents, encode(MODEL, variables, images), strict=True):
        np.testing.assert_allclose(z, reparameterize(KEY, q, batch.index), rtol=1e-5)
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


def test_draw_is_independent_between_levels():
    first, second = draw(KEY, (Normal(dim=2), Normal(dim=2)), 4)
    assert first.shape == second.shape == (4, 2)
    assert not np.any(first == second)


def test_draw_is_from_the_priors():
    codes = draw(KEY, (Normal(dim=1, loc=5.0, scale=0.1), Normal(dim=2, loc=-5.0, scale=0.1)), 3)
    assert_codes_equal([jnp.round(z / 5) for z in codes], [jnp.ones((3, 1)), -jnp.ones((3, 2))])


def test_sample_decodes_draws_from_the_priors(variables):
    images = sample(KEY, MODEL, variables, 3)
    np.testing.assert_allclose(
        images, decode(MODEL, variables, draw(KEY, standard_priors(MODEL), 3)), rtol=1e-6
    )
    narrow = sample(KEY, MODEL, variables, 3, priors=(Normal(dim=2, scale=1e-6), Normal(dim=3, scale=1e-6)))
    np.testing.assert_allclose(narrow, jnp.broadcast_to(narrow[:1], narrow.shape), atol=1e-5)
    assert jnp.abs(images[0] - images[1]).max() > 1e-3


@pytest.mark.parametrize("level", [1, 2])
def test_redraw_keeps_the_other_levels(level):
    code = draw(KEY, standard_priors(MODEL), 4)
    prior = standard_priors(MODEL)[level - 1]
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
    code = draw(KEY, standard_priors(MODEL), 4)
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
    with pytest.raises(ValueError, match="at least its 2 ends, got 1 steps"):
        way(CODE, CODE, 1)


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
        with pytest.raises(ValueError, match=r"needs a label for each of 4 examples, got (none|3)\."):
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
