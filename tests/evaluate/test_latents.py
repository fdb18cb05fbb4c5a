import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.evaluate import active_units, kl_per_unit, latent_evaluator, mean_variance, mmd_floor
from jaxvae.types import Output, Posterior

KEY = jax.random.key(0)
WIDTH = 2.0


def kernel(x, y):
    return jnp.exp(-jnp.sum(jnp.square(x - y)) / WIDTH)


def gram(x, y):
    return np.exp(-np.square(x[:, None] - y[None]).sum(-1) / WIDTH)


def paired_kernel(x, y):
    return np.exp(-np.square(x - y).sum(1) / WIDTH)


def mmd2_to_standard_normal(z):
    """Unbiased in z, exact in the prior: Gaussian integrals of an RBF kernel."""
    n, d = z.shape
    z = z.astype(np.float64)
    within = (gram(z, z).sum() - n) / (n * (n - 1))
    across = np.mean((WIDTH / (WIDTH + 2)) ** (d / 2) * np.exp(-np.square(z).sum(1) / (WIDTH + 2)))
    prior = (WIDTH / (WIDTH + 4)) ** (d / 2)
    return within + prior - 2 * across


def as_images(*levels):
    """One pixel row per level, so that `forward` can read a posterior off the image."""
    return np.concatenate(levels, axis=1).astype(np.float32)[:, None, :, None]


def forward_of(*sizes, stddev=1e-3):
    """A model whose posterior means are the pixels and whose draws are the means."""
    edges = np.cumsum(sizes)[:-1]

    def forward(key, variables, batch):
        means = jnp.split(batch.image[:, 0, :, 0], edges, axis=1)
        posteriors = tuple(Posterior(mean, jnp.full_like(mean, stddev)) for mean in means)
        return Output(logits=batch.image, posteriors=posteriors, latents=tuple(means))

    return forward


def test_kl_per_unit_has_closed_form():
    rng = np.random.default_rng(0)
    mean, stddev = rng.normal(size=(50, 3)), rng.uniform(0.1, 2, size=(50, 3))
    expected = np.mean(0.5 * (mean**2 + stddev**2 - 1) - np.log(stddev), axis=0)
    actual = kl_per_unit(Posterior(jnp.asarray(mean, jnp.float32), jnp.asarray(stddev, jnp.float32)))
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_active_units_are_those_whose_mean_moves_by_more_than_the_threshold(wrap):
    sign = np.resize([-1.0, 1.0], 40)[:, None]
    variances = np.array([0.0, 0.0099, 0.0101, 1.0])
    posterior = Posterior(jnp.asarray(5 + sign * np.sqrt(variances), jnp.float32), jnp.ones((40, 4)))
    np.testing.assert_allclose(wrap(mean_variance)(posterior), variances, rtol=1e-3, atol=1e-9)
    assert wrap(active_units)(posterior) == 2
    assert active_units(posterior, threshold=0.5) == 1


def test_mmd_floor_scatters_around_zero_with_the_predicted_spread():
    n, d = 200, 2
    values = np.asarray(mmd_floor(KEY, n=n, d=d, kernel=kernel, repeats=64), np.float64)
    rng = np.random.default_rng(0)
    a, b, c, e = rng.normal(size=(4, 4000, d))
    h = paired_kernel(a, b) + paired_kernel(c, e) - paired_kernel(a, e) - paired_kernel(b, c)
    spread = np.sqrt(2 * np.mean(h**2) / (n * (n - 1)))
    assert abs(values.mean()) < 4 * spread / np.sqrt(64)
    np.testing.assert_allclose(values.std(), spread, rtol=0.5)


def test_metrics_of_a_ragged_set_equal_those_of_the_whole(cut):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(301, 2)) * [1.0, 0.01]
    second = rng.normal(loc=3, size=(301, 2))
    images = as_images(first, second)
    evaluator = latent_evaluator(forward_of(2, 2), kernel=kernel)
    ragged = evaluator(KEY, {}, cut(images, 64, padding=np.nan))
    assert ragged == evaluator(KEY, {}, cut(images, 301))
    assert ragged.keys() == {
        *(f"{name}_z{level}" for name in ("mmd", "kl", "active_units") for level in (1, 2)),
        "mmd_floor",
        "mmd_floor_std",
    }
    assert all(type(value) is float for value in ragged.values())
    assert (ragged["active_units_z1"], ragged["active_units_z2"]) == (1.0, 2.0)
    for level, z in ((1, first), (2, second)):
        kl = np.mean(0.5 * np.sum(z**2 + 1e-6 - 1, axis=1)) - 2 * np.log(1e-3)
        np.testing.assert_allclose(ragged[f"kl_z{level}"], kl, rtol=1e-5)


def test_mmd_of_every_level_averages_to_its_expectation_over_the_priors_draw(cut):
    rng = np.random.default_rng(0)
    levels = rng.normal(loc=3, size=(300, 2)), rng.normal(scale=0.1, size=(300, 2))
    batches = cut(as_images(*levels), 64, padding=np.nan)
    evaluator = latent_evaluator(forward_of(2, 2), kernel=kernel)
    draws = [evaluator(jax.random.key(i), {}, batches) for i in range(24)]
    for number, z in enumerate(levels, start=1):
        values = np.array([draw[f"mmd_z{number}"] for draw in draws])
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert 0 < error < 0.01
        assert abs(values.mean() - mmd2_to_standard_normal(z)) < 4 * error


def test_codes_from_the_prior_are_at_the_floor_and_shifted_ones_above(cut):
    z = np.random.default_rng(0).normal(size=(1000, 2))
    evaluator = latent_evaluator(forward_of(2, 2), kernel=kernel)
    metrics = evaluator(KEY, {}, cut(as_images(z, z + 0.5), 250))
    again = evaluator(jax.random.key(1), {}, cut(as_images(z, z + 0.5), 250))
    assert again["mmd_floor"] == metrics["mmd_floor"]
    assert again["mmd_z1"] != metrics["mmd_z1"]
    assert abs(metrics["mmd_z1"] - metrics["mmd_floor"]) < 5 * metrics["mmd_floor_std"]
    assert metrics["mmd_z2"] - metrics["mmd_floor"] > 20 * metrics["mmd_floor_std"]


def test_levels_of_different_sizes_have_a_floor_each(cut):
    z = np.random.default_rng(0).normal(size=(20, 4))
    metrics = latent_evaluator(forward_of(1, 3), kernel=kernel)(KEY, {}, cut(as_images(z), 8))
    floors = {name for name in metrics if name.startswith("mmd_floor")}
    assert floors == {"mmd_floor_z1", "mmd_floor_std_z1", "mmd_floor_z2", "mmd_floor_std_z2"}


def test_compiles_once_across_batches_and_calls(cut):
    traces = {"forward": 0, "kernel": []}
    inner = forward_of(2)

    def forward(key, variables, batch):
        traces["forward"] += 1
        return inner(key, variables, batch)

    def counted(x, y):
        traces["kernel"].append(None)
        return kernel(x, y)

    evaluator = latent_evaluator(forward, kernel=counted)
    batches = cut(as_images(np.random.default_rng(0).normal(size=(21, 2))), 8)
    evaluator(KEY, {}, batches)
    after_first = len(traces["kernel"])
    evaluator(jax.random.key(1), {}, batches)
    assert traces["forward"] == 1
    assert len(traces["kernel"]) == after_first > 0


@pytest.mark.parametrize("n", [0, 1])
def test_refuses_fewer_than_two_examples(cut, n):
    with pytest.raises(ValueError, match=f"at least 2 unmasked examples, got {n}"):
        latent_evaluator(forward_of(2), kernel=kernel)(KEY, {}, cut(as_images(np.zeros((n, 2))), 4))
