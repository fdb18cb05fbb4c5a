import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.losses import absolute_error, distance, gaussian_nll, laplace_nll, squared_error

KEY = jax.random.key(0)
wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])


@wraps
def test_distances_are_sums_over_pixels(wrap):
    a, b = jnp.asarray(np.random.default_rng(0).random((2, 3, 4, 5, 2), np.float32))
    np.testing.assert_allclose(wrap(squared_error)(a, b), [np.linalg.norm(x) ** 2 for x in a - b], rtol=1e-5)
    np.testing.assert_allclose(
        wrap(absolute_error)(a, b), [np.linalg.norm(x.ravel(), 1) for x in a - b], rtol=1e-5
    )


def test_distances_are_likelihoods_up_to_a_constant():
    a, b = jnp.asarray(np.random.default_rng(1).random((2, 3, 4, 5, 2), np.float32))
    for nll, log_scale, error in (
        (gaussian_nll, -0.5 * np.log(2), squared_error),
        (laplace_nll, 0.0, absolute_error),
    ):
        rest = np.asarray(nll(a, b, log_scale=float(log_scale)) - error(a, b))
        np.testing.assert_allclose(rest, rest[0], rtol=1e-4)


@pytest.mark.parametrize(("kind", "error"), [("squared", squared_error), ("absolute", absolute_error)])
def test_term_compares_mean_image_and_image(kind, error, output, batch):
    expected = error(jax.nn.sigmoid(output.logits), batch.image)
    np.testing.assert_allclose(distance(kind)(KEY, output, batch), expected, rtol=1e-6)


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="must be one of squared, absolute, got 'cosine'"):
        distance("cosine")
