import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae.train import adam, schedule, tunable


def follow(optimizer, gradients):
    """Parameters after each of the gradients, from 0."""
    x, path = jnp.zeros(2), []
    state = optimizer.init(x)
    for gradient in gradients:
        with jax.numpy_dtype_promotion("standard"):
            update, state = jax.jit(optimizer.update)(gradient, state, x)
        x = optax.apply_updates(x, update)
        path.append(x)
    return np.stack(path)


def adam_by_hand(rates, gradients):
    x, m, v, path = np.zeros(2), np.zeros(2), np.zeros(2), []
    for t, (rate, g) in enumerate(zip(rates, gradients, strict=True), start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        x = x - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        path.append(x)
    return np.stack(path)


GRADIENTS = np.float32([[1.0, -2.0], [0.1, 0.3], [-3.0, 4.0], [0.0, 0.5]])


@pytest.mark.parametrize(("warmup", "final"), [(0, 0.0), (0, 0.1), (3, 0.0), (3, 0.5), (5, 1.0)])
def test_schedule_rises_linearly_and_falls_along_a_half_cosine(warmup, final):
    steps, peak = 20, 0.01
    rate = schedule(peak, steps=steps, warmup=warmup, final=final)
    for step in range(steps + 1):
        through = np.pi * (step - warmup) / (steps - warmup)
        cosine = peak * (final + (1 - final) * 0.5 * (1 + np.cos(through)))
        expected = peak * step / warmup if step < warmup else cosine
        np.testing.assert_allclose(rate(jnp.int32(step)), expected, rtol=1e-5, atol=1e-9)


def test_schedule_stays_at_its_end():
    rate = schedule(0.1, steps=10, final=0.2)
    np.testing.assert_allclose(rate(jnp.int32(1000)), 0.02, rtol=1e-6)


@pytest.mark.parametrize("scheduled", [False, True])
def test_adam_is_adam(scheduled):
    rate = schedule(0.1, steps=4, warmup=1) if scheduled else 0.1
    rates = [float(rate(jnp.int32(t))) for t in range(4)] if scheduled else [0.1] * 4
    np.testing.assert_allclose(follow(adam(rate), GRADIENTS), adam_by_hand(rates, GRADIENTS), rtol=1e-4)


def test_adam_clips_the_global_norm():
    norm = np.linalg.norm(GRADIENTS, axis=1, keepdims=True)
    clipped = GRADIENTS * np.minimum(1, 1.5 / norm)
    assert 0 < np.sum(norm > 1.5) < len(norm)
    path = follow(adam(0.1, clip_norm=1.5), GRADIENTS)
    np.testing.assert_allclose(path, adam_by_hand([0.1] * 4, clipped), rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": 0.0, "steps": 10}, "must be positive, got 0.0"),
        ({"learning_rate": -1.0, "steps": 10}, "must be positive, got -1.0"),
        ({"learning_rate": 1.0, "steps": 10, "warmup": 10}, "shorter than the 10 steps of training, got 10"),
        ({"learning_rate": 1.0, "steps": 10, "warmup": -1}, "shorter than the 10 steps of training, got -1"),
        ({"learning_rate": 1.0, "steps": 10, "final": 1.5}, r"must be in \[0, 1\], got 1.5"),
    ],
)
def test_a_schedule_out_of_range_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        schedule(**arguments)


def test_a_negative_clipping_norm_is_refused():
    with pytest.raises(ValueError, match=r"clipping norm must be >= 0, got -1\.0"):
        adam(0.1, clip_norm=-1.0)


def test_momentum_of_gradient_descent_is_the_reports():
    velocity, x, path = np.zeros(2), np.zeros(2), []
    for gradient in GRADIENTS:
        velocity = 0.9 * velocity + 1e-3 * gradient
        x = x - velocity
        path.append(x)
    np.testing.assert_allclose(follow(tunable("sgd"), GRADIENTS), path, rtol=1e-5)


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="optimizer must be one of adam, sgd, got 'rmsprop'"):
        tunable("rmsprop")
