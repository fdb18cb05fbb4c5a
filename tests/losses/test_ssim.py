import dm_pix
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from jaxvae.losses import ssim, ssim_loss

wraps = pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])


def plain(a, b, **kwargs):
    """dm-pix with its own filter, which mixes data types."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return dm_pix.ssim(a, b, **kwargs)


def images(shape):
    rng = np.random.default_rng(0)
    a = rng.random(shape)
    b = np.clip(a + 0.2 * rng.normal(size=shape), 0, 1)
    return jnp.asarray(a, jnp.float32), jnp.asarray(b, jnp.float32)


def value_and_gradients(f):
    return jax.value_and_grad(lambda a, b: f(a, b).sum(), (0, 1))


@pytest.mark.parametrize("shape", [(4, 28, 28, 1), (2, 11, 11, 1), (2, 32, 17, 3)])
def test_value_and_gradient_are_those_of_plain_dm_pix(shape):
    a, b = images(shape)
    np.testing.assert_allclose(jax.jit(ssim)(a, b), jax.jit(plain)(a, b), rtol=1e-5, atol=1e-6)
    (_, actual), (_, expected) = (jax.jit(value_and_gradients(f))(a, b) for f in (ssim, plain))
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


@wraps
def test_value_is_that_of_the_definition_in_float64(wrap):
    a, b = images((1, 24, 20, 1))
    x, y = np.float64(a)[0, ..., 0], np.float64(b)[0, ..., 0]

    def mean(z):
        return scipy.ndimage.gaussian_filter(z, 1.5, radius=5)[5:-5, 5:-5]

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    expected = ((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean()
    np.testing.assert_allclose(wrap(ssim)(a, b), [expected], rtol=1e-5)


def constant(value, like):
    return like if value == "texture" else jnp.full_like(like, value)


@pytest.mark.parametrize(
    ("left", "right"), [(0.0, 0.0), (0.0, 1.0), (0.3, 0.3), (1.0, 0.3), (1.0, 1.0), (0.0, "texture")]
)
def test_constant_images_have_the_value_and_gradient_of_plain_dm_pix(left, right):
    texture, _ = images((2, 14, 13, 1))
    a, b = constant(left, texture), constant(right, texture)
    actual, expected = (jax.jit(value_and_gradients(f))(a, b) for f in (ssim, plain))
    np.testing.assert_allclose(actual[0], expected[0], rtol=1e-3)
    np.testing.assert_allclose(actual[1], expected[1], atol=1e-5)


@wraps
@pytest.mark.parametrize("value", [0.3, 1.0])
def test_constant_image_beside_a_texture_has_finite_gradients(wrap, value):
    # The covariance is rounding noise here, and dm-pix takes its derivative to be zero where the noise is.
    a, _ = images((2, 14, 13, 1))
    _, gradients = wrap(value_and_gradients(ssim))(a, constant(value, a))
    assert np.isfinite(gradients).all()
    np.testing.assert_allclose(gradients[0], 0, atol=1e-2)


@wraps
def test_identical_images_are_at_the_maximum(wrap):
    a, _ = images((3, 28, 28, 1))
    value, gradients = wrap(value_and_gradients(ssim))(a, a)
    np.testing.assert_allclose(value, 3, rtol=1e-6)
    np.testing.assert_allclose(gradients, 0, atol=1e-4)


def test_mnist_like_background_has_finite_gradients():
    a = jnp.zeros((2, 28, 28, 1)).at[:, 8:20, 12:16].set(1)
    logits = jnp.where(a > 0, 1e4, -1e4)

    @jax.jit
    def loss(x):
        return ssim(jax.nn.sigmoid(x), a).sum()

    value, gradient = jax.value_and_grad(loss)(logits)
    np.testing.assert_allclose(value, 2, rtol=1e-6)
    np.testing.assert_array_equal(gradient, 0)
    assert np.isfinite(jax.grad(loss)(jnp.zeros_like(logits))).all()


def test_scale_of_the_pixels_is_max_val():
    a, b = images((2, 16, 16, 1))
    np.testing.assert_allclose(ssim(255 * a, 255 * b, max_val=255.0), ssim(a, b), rtol=1e-4)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16], ids=["float16", "bfloat16"])
def test_16_bits_are_computed_in_float32(dtype):
    ramp = jnp.broadcast_to(jnp.linspace(0.4, 0.5, 32)[None, None, :, None], (1, 16, 32, 1))
    a, b = ramp.astype(dtype), (ramp + 0.01 * images(ramp.shape)[0]).astype(dtype)
    exact = ssim(a.astype(jnp.float32), b.astype(jnp.float32))
    np.testing.assert_array_equal(ssim(a, b), exact)
    assert ssim(a, b).dtype == jnp.float32


@pytest.mark.parametrize(("h", "w"), [(10, 28), (28, 10), (4, 4)])
def test_images_smaller_than_the_window_are_refused(h, w):
    with pytest.raises(ValueError, match=f"at least 11 x 11 pixels, got {h} x {w}"):
        ssim(jnp.ones((1, h, w, 1)), jnp.ones((1, h, w, 1)))


def test_term_is_one_minus_ssim_of_the_mean_image(output, batch):
    expected = 1 - jax.jit(plain)(jax.nn.sigmoid(output.logits), batch.image)
    np.testing.assert_allclose(ssim_loss()(jax.random.key(0), output, batch), expected, atol=1e-5)
