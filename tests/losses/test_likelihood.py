import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from jaxvae.losses import bernoulli_nll, gaussian_nll, laplace_nll, reconstruction

SHAPE = (3, 4, 5, 2)
KEY = jax.random.key(0)
wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])


def draw(seed, *, binary=False):
    rng = np.random.default_rng(seed)
    target = rng.random(SHAPE)
    target = target > 0.5 if binary else target
    return jnp.asarray(rng.normal(size=SHAPE), jnp.float32), jnp.asarray(target, jnp.float32)


@wraps
def test_bernoulli_is_the_log_probability_of_binary_images(wrap):
    logits, target = draw(0, binary=True)
    probability = scipy.special.expit(np.float64(logits))
    expected = -scipy.stats.bernoulli.logpmf(target, probability).sum((1, 2, 3))
    np.testing.assert_allclose(wrap(bernoulli_nll)(logits, target), expected, rtol=1e-5)


@wraps
@pytest.mark.parametrize("log_scale", [-3.0, 0.0, 1.5])
@pytest.mark.parametrize(
    ("nll", "density"), [(gaussian_nll, scipy.stats.norm), (laplace_nll, scipy.stats.laplace)]
)
def test_density_is_scipys(wrap, nll, density, log_scale):
    mean, target = draw(1)
    expected = -density.logpdf(target, mean, np.exp(log_scale)).sum((1, 2, 3))
    actual = wrap(lambda m, t, s: nll(m, t, log_scale=s))(mean, target, jnp.float32(log_scale))
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    np.testing.assert_allclose(nll(mean, target, log_scale=log_scale), expected, rtol=1e-5)


@wraps
@pytest.mark.parametrize("seed", range(3))
def test_bernoulli_gradient_is_probability_minus_target(wrap, seed):
    logits, target = draw(seed)
    gradient = wrap(jax.grad(lambda x: bernoulli_nll(x, target).sum()))(logits)
    np.testing.assert_allclose(gradient, scipy.special.expit(logits) - target, atol=1e-6)


def test_gaussian_gradients():
    mean, target = draw(2)

    def nll(m, s):
        return gaussian_nll(m, target, log_scale=s).sum()

    by_mean, by_scale = jax.grad(nll, (0, 1))(jnp.asarray(mean), jnp.float32(0.3))
    error = (mean - target) / np.exp(0.3)
    np.testing.assert_allclose(by_mean, error / np.exp(0.3), rtol=1e-5)
    np.testing.assert_allclose(by_scale, np.sum(1 - error**2), rtol=1e-5)


def test_laplace_gradients():
    mean, target = draw(2)

    def nll(m, s):
        return laplace_nll(m, target, log_scale=s).sum()

    by_mean, by_scale = jax.grad(nll, (0, 1))(jnp.asarray(mean), jnp.float32(0.3))
    np.testing.assert_allclose(by_mean, np.sign(mean - target) / np.exp(0.3), rtol=1e-5)
    np.testing.assert_allclose(by_scale, np.sum(1 - np.abs(mean - target) / np.exp(0.3)), rtol=1e-5)


@wraps
@pytest.mark.parametrize("logit", [1e4, -1e4])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_bernoulli_at_saturation_has_the_exact_loss_and_gradient(wrap, logit, value):
    pixel = jnp.full((1, 1, 1, 1), logit)
    loss, gradient = wrap(jax.value_and_grad(lambda x: bernoulli_nll(x, jnp.full_like(x, value))[0]))(pixel)
    wrong = value != (logit > 0)
    np.testing.assert_allclose(loss, 1e4 if wrong else 0)
    np.testing.assert_allclose(gradient.item(), np.sign(logit) if wrong else 0)


def test_bernoulli_keeps_the_digits_of_a_nearly_certain_pixel():
    loss = bernoulli_nll(jnp.full((1, 1, 1, 1), 20.0), jnp.ones((1, 1, 1, 1)))
    np.testing.assert_allclose(loss, np.log1p(np.exp(-20.0)), rtol=1e-5)


@pytest.mark.parametrize("nll", [gaussian_nll, laplace_nll])
@pytest.mark.parametrize("log_scale", [-40.0, 40.0])
def test_extreme_scales_stay_finite(nll, log_scale):
    mean, target = draw(3)
    value, gradients = jax.value_and_grad(lambda m, s: nll(m, target, log_scale=s).sum(), (0, 1))(
        jnp.asarray(mean), jnp.float32(log_scale)
    )
    assert all(np.isfinite(a).all() for a in (value, *gradients))


def test_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    logits, target = draw(4)
    tensor = torch.tensor(logits, requires_grad=True)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        tensor, torch.tensor(target), reduction="sum"
    )
    expected.backward()
    value, gradient = jax.value_and_grad(lambda x: bernoulli_nll(x, target).sum())(logits)
    np.testing.assert_allclose(value, expected.item(), rtol=1e-6)
    np.testing.assert_allclose(gradient, tensor.grad.numpy(), atol=1e-6)


def test_term_takes_logits_for_bernoulli(output, batch):
    actual = reconstruction("bernoulli")(KEY, output, batch)
    np.testing.assert_array_equal(actual, bernoulli_nll(output.logits, batch.image))


@pytest.mark.parametrize(("name", "nll"), [("gaussian", gaussian_nll), ("laplace", laplace_nll)])
def test_term_takes_the_mean_image_and_a_fixed_or_learned_scale(output, batch, name, nll):
    expected = nll(jax.nn.sigmoid(output.logits), batch.image, log_scale=-1.0)
    learned = output.replace(log_scale=jnp.float32(-1.0))
    np.testing.assert_array_equal(reconstruction(name, log_scale=-1.0)(KEY, output, batch), expected)
    np.testing.assert_array_equal(reconstruction(name)(KEY, learned, batch), expected)


def test_unknown_likelihood_lists_the_known():
    with pytest.raises(ValueError, match=r"bernoulli, gaussian, laplace, got 'poisson'"):
        reconstruction("poisson")


def test_scale_is_refused_where_it_has_no_meaning_and_missed_where_it_has(output, batch):
    with pytest.raises(ValueError, match="bernoulli has no scale"):
        reconstruction("bernoulli", log_scale=0.0)
    with pytest.raises(ValueError, match="gaussian needs a log_scale"):
        reconstruction("gaussian")(KEY, output, batch)
