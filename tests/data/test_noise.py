import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.data import add_noise

KEY = jax.random.key(0)
GREY = jnp.full((64, 8, 8, 2), 0.5)


def test_noise_has_the_asked_deviation_and_no_drift():
    noise = np.asarray(add_noise(KEY, GREY, jnp.arange(64), stddev=0.1) - 0.5)
    assert abs(noise.mean()) < 0.005
    assert noise.std() == pytest.approx(0.1, rel=0.02)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.3


def test_images_stay_in_range():
    noisy = add_noise(KEY, GREY, jnp.arange(64), stddev=3.0)
    assert (noisy.min(), noisy.max()) == (0, 1)


def test_no_noise_changes_nothing():
    np.testing.assert_array_equal(add_noise(KEY, GREY, jnp.arange(64), stddev=0.0), GREY)


def test_noise_belongs_to_the_position_in_the_batch():
    whole = add_noise(KEY, GREY, jnp.arange(64), stddev=0.1)
    part = add_noise(KEY, GREY[:8], jnp.arange(16, 24), stddev=0.1)
    np.testing.assert_array_equal(part, whole[16:24])


@pytest.mark.parametrize("stddev", [-0.1, float("nan")])
def test_a_deviation_that_is_none_is_refused(stddev):
    with pytest.raises(ValueError, match="must be finite and >= 0, got"):
        add_noise(KEY, GREY, jnp.arange(64), stddev=stddev)
