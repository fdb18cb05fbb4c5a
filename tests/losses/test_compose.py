import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxvae.losses import compose, kl, reconstruction

KEY = jax.random.key(0)
STEP = jnp.asarray(0)


def per_example(key, output, batch):
    return jnp.sum(output.latents[0] ** 2, 1)


def of_the_set(key, output, batch):
    return jnp.var(output.latents[1])


def masked_mean(values, mask):
    return np.sum(np.asarray(values)[np.asarray(mask) == 1]) / np.sum(mask)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_loss_is_the_weighted_sum_of_masked_means_and_set_terms(wrap, output, batch):
    objective = compose({"a": per_example, "b": of_the_set}, {"a": 2.0, "b": 0.5})
    loss, metrics = wrap(objective)(KEY, output, batch, STEP)
    a, b = masked_mean(per_example(KEY, output, batch), batch.mask), np.var(output.latents[1])
    expected = {"a": a, "b": b, "a_weighted": 2 * a, "b_weighted": b / 2, "loss": 2 * a + b / 2}
    assert metrics.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-5)
    np.testing.assert_array_equal(loss, metrics["loss"])


def test_padding_has_no_gradient(output, batch):
    objective = compose({"nll": reconstruction("bernoulli")}, {"nll": 1.0})
    gradient = jax.grad(lambda o: objective(KEY, o, batch, STEP)[0])(output).logits
    expected = (jax.nn.sigmoid(output.logits) - batch.image) * batch.mask[:, None, None, None] / 6
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_batch_of_padding_alone_costs_nothing(output, batch):
    objective = compose({"a": per_example}, {"a": 1.0})

    def value(o):
        return objective(KEY, o, batch.replace(mask=jnp.zeros(8)), STEP)[0]

    loss, gradient = jax.value_and_grad(value)(output)
    np.testing.assert_array_equal(loss, 0)
    np.testing.assert_array_equal(gradient.latents[0], 0)


@pytest.mark.parametrize(("step", "weight"), [(0, 0.0), (50, 0.5), (100, 1.0), (1000, 1.0)])
def test_weight_may_be_a_schedule(output, batch, step, weight):
    objective = jax.jit(compose({"a": per_example}, {"a": optax.linear_schedule(0.0, 1.0, 100)}))
    _, metrics = objective(KEY, output, batch, jnp.asarray(step))
    np.testing.assert_allclose(metrics["a_weighted"], weight * metrics["a"], rtol=1e-6)


def test_schedule_may_return_a_plain_number(output, batch):
    _, metrics = compose({"a": per_example}, {"a": optax.constant_schedule(3.0)})(KEY, output, batch, STEP)
    np.testing.assert_allclose(metrics["a_weighted"], 3 * metrics["a"], rtol=1e-6)


def test_replicas_may_differ_in_a_weight(output, batch):
    objective = compose({"a": per_example, "b": of_the_set}, {"a": 1.0, "b": 7.0})
    weights = jnp.asarray([0.0, 2.0])
    _, metrics = jax.vmap(lambda w: objective(KEY, output, batch, STEP, {"b": w}))(weights)
    np.testing.assert_allclose(metrics["b_weighted"], weights * metrics["b"], rtol=1e-6)
    np.testing.assert_allclose(metrics["loss"], metrics["a"] + metrics["b_weighted"], rtol=1e-6)


def test_terms_draw_from_keys_of_their_own(output, batch):
    def draw(key, output, batch):
        return jax.random.normal(key)

    _, metrics = compose({"a": draw, "b": draw}, {"a": 1.0, "b": 1.0})(KEY, output, batch, STEP)
    for position, name in enumerate("ab"):
        np.testing.assert_array_equal(metrics[name], jax.random.normal(jax.random.fold_in(KEY, position)))


@pytest.mark.parametrize(
    ("terms", "weights", "message"),
    [
        ({}, {}, "at least one term"),
        ({"a": per_example}, {}, "got terms a and weights none"),
        ({"a": per_example}, {"a": 1.0, "b": 1.0}, "got terms a and weights a, b"),
        ({"a": per_example}, {"a": -1.0}, "weight of a must be finite and >= 0, got -1.0"),
        ({"a": per_example}, {"a": float("nan")}, "weight of a must be finite and >= 0, got nan"),
        ({"a": per_example}, {"a": float("inf")}, "weight of a must be finite and >= 0, got inf"),
        ({"loss": per_example}, {"loss": 1.0}, "may not be named loss"),
        ({"a": kl}, {"a": 1.0}, r"Term a must be a function \(key, output, batch\), got <function kl"),
        (
            {"a": per_example, "a_weighted": per_example},
            {"a": 1.0, "a_weighted": 1.0},
            "may not be named a_weighted",
        ),
    ],
)
def test_nonsense_is_refused(terms, weights, message):
    with pytest.raises(ValueError, match=message):
        compose(terms, weights)


def test_override_of_no_term_lists_the_terms(output, batch):
    objective = compose({"a": per_example, "b": of_the_set}, {"a": 1.0, "b": 1.0})
    with pytest.raises(ValueError, match="No term is named c; the terms are a, b"):
        objective(KEY, output, batch, STEP, {"c": jnp.float32(1.0)})


def test_term_of_another_length_is_named(output, batch):
    def short(key, output, batch):
        return output.latents[0][:3, 0]

    with pytest.raises(ValueError, match=r"Term short must return one value per example, shape \(8,\)"):
        compose({"short": short}, {"short": 1.0})(KEY, output, batch, STEP)


def test_terms_that_are_computed_again_have_the_same_gradient_and_keep_what_they_read(output, batch):
    def blurred(key, output, batch):
        return jnp.sum(jnp.sin(jnp.cos(jnp.exp(output.logits))), (1, 2, 3))

    def value(remat):
        objective = compose({"blurred": blurred, "b": of_the_set}, {"blurred": 1.0, "b": 1.0}, remat=remat)
        return lambda o: objective(KEY, o, batch, STEP)[0]

    kept, again = (jax.value_and_grad(value(remat))(output) for remat in (False, True))
    for one, other in zip(*map(jax.tree.leaves, (kept, again)), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)
    residuals = [jax.tree.leaves(jax.vjp(value(remat), output)[1]) for remat in (False, True)]
    most, least = (sum(leaf.shape == output.logits.shape for leaf in leaves) for leaves in residuals)
    assert (most, least) == (3, 1)
