import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
from jax.test_util import check_grads

from jaxvae.losses import ms_ssim, ms_ssim_loss, ssim
from jaxvae.losses.ms_ssim import FLOOR

KEY = jax.random.key(0)
WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])


def smooth(*shape, seed=0):
    """Images with structure at every scale, as photographs have it, in [0, 1]."""
    noise = np.random.default_rng(seed).normal(size=shape)
    layers = [s * scipy.ndimage.gaussian_filter(noise, (0, s, s, 0)) for s in (0.5, 2, 6)]
    values = sum(layers)
    return (values - values.min()) / (values.max() - values.min())


def similarities(x, y):
    """Mean contrast and mean SSIM of two grey images, by SciPy's filter in float64."""

    def mean(z):
        return scipy.ndimage.gaussian_filter(z, 1.5, radius=5)[5:-5, 5:-5]

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    contrast = (2 * cov + 0.03**2) / (vx + vy + 0.03**2)
    luminance = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
    return contrast.mean(), (luminance * contrast).mean()


def guarded(value):
    return value if value > FLOOR else FLOOR * np.exp((value - FLOOR) / FLOOR)


def halved(x):
    h, w = (n // 2 * 2 for n in x.shape)
    x = x[:h, :w]
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def definition(x, y):
    """MS-SSIM of two grey images."""
    scales = 1
    while scales < 5 and min(x.shape) // 2**scales >= 11:
        scales += 1
    weights = WEIGHTS[:scales] / WEIGHTS[:scales].sum()
    result = 1.0
    for number, weight in enumerate(weights, start=1):
        contrast, whole = similarities(x, y)
        result *= guarded(whole if number == scales else contrast) ** weight
        x, y = halved(x), halved(y)
    return result


def pair(*shape, noise=0.1):
    a = smooth(*shape)
    b = np.clip(a + noise * np.random.default_rng(1).normal(size=shape), 0, 1)
    return jnp.asarray(a, jnp.float32), jnp.asarray(b, jnp.float32)


@wraps
@pytest.mark.parametrize("size", [(11, 12), (28, 28), (45, 33), (96, 96), (176, 180)])
def test_value_is_the_definitions_in_float64(wrap, size):
    a, b = pair(2, *size, 3)
    expected = [
        np.mean([definition(np.float64(a)[n, ..., c], np.float64(b)[n, ..., c]) for c in range(3)])
        for n in range(2)
    ]
    np.testing.assert_allclose(wrap(ms_ssim)(a, b), expected, rtol=1e-4)


def test_guard_leaves_the_published_formula_alone_where_contrasts_are_positive():
    a, b = pair(1, 180, 176, 1, noise=0.02)
    x, y, expected = np.float64(a)[0, ..., 0], np.float64(b)[0, ..., 0], 1.0
    for number, weight in enumerate(WEIGHTS / WEIGHTS.sum()):
        contrast, whole = similarities(x, y)
        assert contrast > FLOOR
        expected *= (whole if number == 4 else contrast) ** weight
        x, y = halved(x), halved(y)
    np.testing.assert_allclose(ms_ssim(a, b), [expected], rtol=1e-4)


def test_one_scale_is_ssim():
    a, b = pair(3, 16, 21, 1)
    np.testing.assert_allclose(ms_ssim(a, b), ssim(a, b), rtol=1e-4)


@wraps
def test_identical_images_are_at_the_maximum(wrap):
    a, _ = pair(2, 48, 48, 3)
    value, gradients = wrap(jax.value_and_grad(lambda a, b: ms_ssim(a, b).sum(), (0, 1)))(a, a)
    np.testing.assert_allclose(value, 2, rtol=1e-6)
    np.testing.assert_allclose(gradients, 0, atol=1e-4)


@wraps
@pytest.mark.parametrize("size", [16, 48, 96])
def test_anticorrelated_images_have_a_finite_gradient_that_leads_out(wrap, size):
    a, _ = pair(2, size, size, 3)
    value_and_gradient = wrap(jax.value_and_grad(lambda b: ms_ssim(a, b).sum()))
    value, gradient = value_and_gradient(1 - a)
    assert 0 < value < 2 * FLOOR
    assert np.isfinite(gradient).all()
    assert jnp.vdot(gradient, a - (1 - a)) > 0


def test_value_grows_from_anticorrelation_to_identity():
    a, _ = pair(1, 48, 48, 1)
    shares = np.linspace(0, 1, 21, dtype=np.float32)
    values = [float(ms_ssim(a, s * a + (1 - s) * (1 - a))[0]) for s in shares]
    assert np.all(np.diff(values) > 0)


@pytest.mark.parametrize(("left", "right"), [(0.0, 0.0), (0.0, 1.0), (0.3, 0.3), (1.0, 0.3)])
def test_constant_images_have_finite_gradients(left, right):
    a, b = jnp.full((1, 24, 24, 1), left), jnp.full((1, 24, 24, 1), right)
    value, gradient = jax.jit(jax.value_and_grad(lambda a: ms_ssim(a, b).sum()))(a)
    assert np.isfinite(gradient).all()
    assert 0 < value <= 1 + 1e-6


def test_gradient_is_the_numerical_one():
    a, b = pair(1, 24, 23, 1)
    check_grads(jax.jit(lambda a: ms_ssim(a, b)), (a,), order=1, modes=["rev"], rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(("h", "w"), [(10, 28), (28, 10)])
def test_images_smaller_than_the_window_are_refused(h, w):
    with pytest.raises(ValueError, match=f"at least 11 x 11 pixels, got {h} x {w}"):
        ms_ssim(jnp.ones((1, h, w, 1)), jnp.ones((1, h, w, 1)))


def test_term_is_one_minus_ms_ssim_of_the_mean_image(output, batch):
    expected = 1 - ms_ssim(jax.nn.sigmoid(output.logits), batch.image)
    np.testing.assert_allclose(ms_ssim_loss()(KEY, output, batch), expected, rtol=1e-6)
    assert np.all((expected > 0) & (expected < 1))
