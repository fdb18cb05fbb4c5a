import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import unequal_shapes
from jaxtyping import Array, Float

from jaxvae import losses
from jaxvae.losses._shapes import check_float_images, check_same_length, check_same_shape


@pytest.fixture(scope="module")
def outcomes():
    """Outcomes of a process in which no hook checks annotations, as for a user."""
    command = [sys.executable, unequal_shapes.__file__]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("name", unequal_shapes.pairwise())
def test_unequal_shapes_are_refused_in_one_line(outcomes, name):
    results = outcomes["unequal"][name]
    assert results.pop("equal") == ""
    assert results
    for change, outcome in results.items():
        assert outcome.startswith("ValueError: "), f"{name} with {change}: {outcome or 'no error'}"
        assert "got" in outcome
        assert "\n" not in outcome


@pytest.mark.parametrize("name", unequal_shapes.of_images())
def test_bytes_and_images_without_channels_are_refused_in_one_line(outcomes, name):
    assert outcomes["images"][name].keys() == {"bytes", "no channels"}
    for outcome in outcomes["images"][name].values():
        assert outcome.startswith("ValueError: ")
        assert "as floating-point arrays [n, height, width, channels], got" in outcome


def test_the_walk_sees_losses_and_metrics_of_images():
    expected = {"losses.ssim", "losses.colour_distance", "losses.bernoulli_nll", "losses.laplace_nll"}
    expected |= {
        "losses.squared_error",
        "losses.ms_ssim",
        "evaluate.mse",
        "evaluate.sharpness",
        "evaluate.colour_error",
    }
    assert expected <= set(unequal_shapes.of_images())


def test_the_walk_sees_images_latents_features_and_points():
    expected = {
        "losses.squared_error",
        "losses.bernoulli_nll",
        "losses.ssim",
        "losses.ms_ssim",
        "losses.colour_distance",
        "losses.perceptual_distance",
        "losses.lpips_distance",
        "losses.feature_error",
        "losses.cross_entropy",
        "losses.kl_normal",
        "losses.kl_monte_carlo",
        "losses.posterior_log_prob",
        "losses.hsic",
        "losses.mmd2",
        "losses.rbf()",
        "evaluate.mse",
        "evaluate.colour_error",
        "evaluate.attribute_similarity",
        "evaluate.attribute_vectors",
    }
    assert expected <= set(unequal_shapes.pairwise())


def test_a_function_that_forgets_the_check_is_found():
    def forgetful(a: Float[Array, "n h w c"], b: Float[Array, "n h w c"]) -> Float[Array, " n"]:
        return jnp.sum(jnp.square(a - b), axis=(1, 2, 3))

    with jax.numpy_rank_promotion("allow"):
        results = unequal_shapes.outcomes(forgetful)
    assert len(results) == 1 + 2 * 2 * 4
    assert set(results.values()) == {""}


def test_the_message_names_function_arguments_shapes_and_remedy():
    expected = (
        r"^mse needs a and b of the same shape, got \(8, 28, 28, 1\) and \(8, 28, 28, 3\); nothing is broadcast: "
        r"resize, slice or repeat one of them\.$"
    )
    with pytest.raises(ValueError, match=expected):
        check_same_shape("mse", a=np.zeros((8, 28, 28, 1)), b=np.zeros((8, 28, 28, 3)))


def test_images_are_floats_with_channels():
    images = np.zeros((2, 8, 8, 1), np.float32)
    check_float_images("mse", a=images, b=jnp.asarray(images, jnp.bfloat16))
    expected = (
        r"^mse needs a and b as floating-point arrays \[n, height, width, channels\], got float32 \(2, 8, 8, 1\) and "
        r"{}; divide bytes by 255, and give every image its channels\.$"
    )
    for wrong, kind in (
        (np.uint8(images), r"uint8 \(2, 8, 8, 1\)"),
        (images[..., 0], r"float32 \(2, 8, 8\)"),
    ):
        with pytest.raises(ValueError, match=expected.format(kind)):
            check_float_images("mse", a=images, b=wrong)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit, jax.vmap], ids=["eager", "jit", "vmap"])
def test_checks_work_under_transformations(wrap):
    def difference(a, b):
        check_same_shape("difference", a=a, b=b)
        check_same_length("difference", a=a, b=b)
        return a - b

    a = jnp.ones((2, 3, 4))
    np.testing.assert_array_equal(wrap(difference)(a, a), 0)
    with pytest.raises(ValueError, match=r"difference needs a and b of the same shape, got .*4\) and .*1\)"):
        wrap(difference)(a, a[..., :1])


@pytest.mark.parametrize(
    "distance",
    [
        losses.feature_error,
        losses.perceptual_distance,
        lambda a, b: losses.lpips_distance(a, b, [jnp.ones(x.shape[-1]) for x in a]),
    ],
    ids=["feature_error", "perceptual_distance", "lpips_distance"],
)
def test_layers_that_do_not_match_are_refused(distance):
    a = [jnp.ones((2, 4, 4, 3)), jnp.ones((2, 2, 2, 5))]
    assert distance(a, a).shape == (2,)
    for b in (a[:1], [a[0], a[1][..., :1]], [a[0][:, :1], a[1]]):
        with pytest.raises(ValueError, match="same layers, each of the same shape"):
            distance(a, b)


def test_heads_of_other_channels_are_refused():
    a = [jnp.ones((2, 4, 4, 3))]
    for heads in ([jnp.ones(1)], [jnp.ones(3), jnp.ones(3)], []):
        with pytest.raises(ValueError, match=r"one weight per channel of each layer, \[3\], got heads of"):
            losses.lpips_distance(a, a, heads)
