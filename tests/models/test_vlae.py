from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.models import VLAE
from jaxvae.models.vlae import MIN_STDDEV

KEY = jax.random.key(0)
INDEX = jnp.arange(4)
TINY = {"image_shape": (8, 8, 1), "latent_sizes": (2, 2, 3), "widths": (2, 3, 4), "hidden": 5}


def build(**changes):
    return VLAE(**(TINY | changes))


def shapes(model):
    """Shapes of the variables, and of the output's leaves for four images."""
    image = jnp.zeros((4, *model.image_shape))

    def init():
        output, variables = model.init_with_output(KEY, KEY, image, INDEX, train=True)
        return vars(output) | {"posteriors": [vars(q) for q in output.posteriors]}, variables

    output, variables = jax.tree.map(jnp.shape, jax.eval_shape(init))
    return variables, output


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(KEY, (4, 8, 8, 1))


@pytest.fixture(scope="module")
def variables():
    """Values away from the initial ones, where a mistake in their use would not show."""
    rng = np.random.default_rng(0)

    def draw(path, shape):
        low = 0.2 if path[-1].key in ("scale", "var") else -0.8
        return jnp.asarray(rng.uniform(low, 0.8, shape), jnp.float32)

    return jax.tree.map_with_path(draw, shapes(build())[0], is_leaf=lambda node: isinstance(node, tuple))


@pytest.fixture(scope="module")
def encode():
    return jax.jit(lambda variables, images: build().apply(variables, images, method="encode"))


@pytest.fixture(scope="module")
def decode():
    return jax.jit(lambda variables, latents: build().apply(variables, latents, method="decode"))


@pytest.mark.parametrize("image_shape", [(28, 28, 1), (32, 32, 3), (12, 20, 2)])
@pytest.mark.parametrize(
    ("latent_sizes", "widths"), [((3,), (2,)), ((2, 5), (2, 3)), ((2, 2, 2), (2, 3, 4)), ((1,) * 4, (2,) * 4)]
)
def test_any_size_and_number_of_levels(image_shape, latent_sizes, widths):
    _, output = shapes(build(image_shape=image_shape, latent_sizes=latent_sizes, widths=widths))
    assert output["logits"] == (4, *image_shape)
    assert output["latents"] == tuple((4, size) for size in latent_sizes)
    assert output["posteriors"] == [{"mean": (4, size), "stddev": (4, size)} for size in latent_sizes]
    assert output["log_scale"] is None


def test_merge_is_shared_or_one_for_each_level():
    shared, own = (shapes(build(shared_merge=flag))[0]["params"] for flag in (True, False))
    assert set(own) - set(shared) == {"merges_1"}
    assert shared["merges_0"]["kernel"] == (5 + 2, 5)
    unequal = shapes(build(latent_sizes=(1, 2, 3), shared_merge=False))[0]["params"]
    assert unequal["merges_0"]["kernel"] == (5 + 2, 5)
    assert unequal["merges_1"]["kernel"] == (5 + 1, 5)


def test_one_level_has_no_merge():
    params = shapes(build(latent_sizes=(2,), widths=(3,)))[0]["params"]
    assert not [name for name in params if name.startswith("merges")]


def test_learned_scale_is_a_parameter():
    variables, output = shapes(build(learned_scale=True))
    assert variables["params"]["log_scale"] == ()
    assert output["log_scale"] == ()


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_posterior_depends_on_the_stages_up_to_its_own(stage, variables, images, encode):
    params = variables["params"]
    kernel = {"kernel": -params[f"stages_{stage}"]["kernel"]}
    moved = encode({**variables, "params": {**params, f"stages_{stage}": kernel}}, images)
    for level, (q, p) in enumerate(zip(moved, encode(variables, images), strict=True)):
        assert np.array_equal(q.mean, p.mean) == np.array_equal(q.stddev, p.stddev) == (level < stage)


def test_stddev_stays_in_its_range(variables, images, encode):
    far = jax.tree.map(lambda leaf: 1e3 * leaf, variables["params"])
    for q in encode({**variables, "params": far}, images):
        assert q.stddev.min() >= MIN_STDDEV
        assert q.stddev.max() <= 1 + MIN_STDDEV


@pytest.mark.parametrize("level", [0, 1, 2])
def test_decoder_uses_every_level(level, variables, decode):
    latents = tuple(jnp.ones((2, size)) for size in TINY["latent_sizes"])
    moved = tuple(z.at[1].add(2.0 * (i == level)) for i, z in enumerate(latents))
    still, other = decode(variables, latents), decode(variables, moved)
    np.testing.assert_array_equal(other[0], still[0])
    assert jnp.abs(other[1] - still[1]).max() > 1e-4


def test_statistics_move_in_training_only(variables, images):
    @partial(jax.jit, static_argnums=0)
    def statistics(train):
        return build().apply(variables, KEY, images, INDEX, train, mutable=["batch_stats"])[1]["batch_stats"]

    moved = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), statistics(True), variables["batch_stats"])
    kept = jax.tree.map(lambda a, b: bool(jnp.all(a == b)), statistics(False), variables["batch_stats"])
    assert jax.tree.all(moved)
    assert jax.tree.all(kept)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_sizes": (2, 2)}, r"got 2 latent sizes \(2, 2\) for 3 levels of widths \(2, 3, 4\)"),
        ({"latent_sizes": (), "widths": ()}, "got 0 latent sizes"),
        ({"widths": (2, -3, 4)}, r"sizes must be at least 1, got image shape .*widths \(2, -3, 4\)"),
        ({"latent_sizes": (1, 2, 2)}, r"share one merge, .* got \(1, 2\); make them equal"),
        ({"image_shape": (30, 28, 1)}, "sides divisible by 4, got 30x28"),
        ({"image_shape": (28, 26, 1)}, "sides divisible by 4, got 28x26"),
    ],
)
def test_nonsense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)
