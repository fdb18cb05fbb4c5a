"""Densities fitted to codes, and samplers of models whose codes are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxvae
from jaxvae import data, models, study
from jaxvae.types import Posterior

KEY = jax.random.key(0)


class Shifted(models.Autoencoder):
    """Two levels, whose codes are far from the prior: the first pixels, moved and with little noise."""

    image_shape: tuple[int, int, int] = (2, 2, 1)
    latent_sizes: tuple[int, ...] = (2, 1)

    def _encode(self, image, train):
        means = jnp.split(4 + image.reshape(-1, 4)[:, :3], [2], axis=1)
        return tuple(Posterior(mean, jnp.full_like(mean, 0.1)) for mean in means)

    def _decode(self, latents, train):
        z = jnp.concatenate(latents, axis=1)
        return jnp.concatenate([z, z[:, :1]], axis=1).reshape(-1, 2, 2, 1)


@pytest.fixture(scope="module")
def run():
    return jaxvae.Run(Shifted(), {}, config={}, variant="some", seed=0)


@pytest.fixture(scope="module")
def images():
    """Bright and dark ones, so that the codes lie in two places."""
    bright = np.random.default_rng(0).integers(0, 2, (600, 1, 1, 1))
    return np.broadcast_to(bright, (600, 2, 2, 1)).astype(np.float32)


def test_prior_is_the_models_own(run, images):
    drawn = study.make_sampler("prior", run, images)(KEY, 5)
    for actual, expected in zip(drawn, models.draw(KEY, models.own_priors(run.model), 5), strict=True):
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(
    ("name", "options"),
    [("mixture", {"components": 2}), ("second_stage", {"steps": 1500, "hidden": 32, "learning_rate": 3e-3})],
)
def test_samples_are_where_the_codes_are(name, options, run, images):
    levels = study.make_sampler(name, run, images, **options)(KEY, 2000)
    assert [z.shape for z in levels] == [(2000, 2), (2000, 1)]
    codes = np.concatenate(levels, axis=1)
    bright = codes > 4.5
    assert np.mean(bright) == pytest.approx(images.mean(), abs=0.1)
    # Levels are drawn together: an image is bright everywhere or nowhere.
    assert np.mean(bright.all(1) | ~bright.any(1)) > 0.9
    assert np.mean(np.abs(codes - np.where(bright, 5, 4)) < 0.4) > 0.9


def test_codes_are_fitted_with_their_posteriors_noise(run, images):
    first = np.asarray(study.make_sampler("mixture", run, images, components=2)(KEY, 4000)[0])
    spread = np.std(first - np.where(first > 4.5, 5, 4))
    assert spread == pytest.approx(0.1, rel=0.1)


def test_a_mixture_is_fitted_to_some_of_many_images_chosen_by_the_seed(run, monkeypatch):
    rising = np.broadcast_to(np.linspace(0, 1, 600, dtype=np.float32)[:, None, None, None], (600, 2, 2, 1))
    fitted, fit = [], models.fit_mixture
    monkeypatch.setattr(models, "fit_mixture", lambda codes, **o: fitted.append(codes) or fit(codes, **o))
    monkeypatch.setattr("jaxvae.study.samplers.MIXTURE_CODES", 100)
    for seed in (0, 0, 1):
        study.make_sampler("mixture", run, rising, seed=seed, components=1)
    first, again, other = fitted
    assert first.shape == (100, 3)
    assert np.mean(first) == pytest.approx(4.5, abs=0.1)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_samples_are_decoded_by_the_run(run, images):
    sampler = study.make_sampler("mixture", run, images, components=2)
    codes = sampler(KEY, 3)
    np.testing.assert_allclose(
        run.sample(3, seed=0, sampler=sampler), models.decode(run.model, {}, codes), rtol=1e-6
    )


def test_the_seed_decides(run, images):
    def drawn(seed):
        return study.make_sampler("second_stage", run, images, seed=seed, steps=3, hidden=4)(KEY, 3)[0]

    np.testing.assert_array_equal(drawn(0), drawn(0))
    assert not np.any(drawn(0) == drawn(1))


def test_a_conditional_models_codes_are_those_of_labelled_images(monkeypatch):
    model = models.ConditionalVAE((4, 4, 1), (2,), (2,), classes=3)
    run = jaxvae.Run(model, models.init(KEY, model), config={}, variant="some", seed=0)
    images, labels = np.random.default_rng(0).random((40, 4, 4, 1), np.float32), np.arange(40) % 3
    monkeypatch.setattr("jaxvae.study.samplers.MIXTURE_CODES", 30)
    codes = study.make_sampler("mixture", run, images, labels=labels, components=1)(KEY, 6)
    assert run.decode(codes, labels=np.zeros(6, np.int32)).shape == (6, 4, 4, 1)


class Labelled(models.Autoencoder):
    """Images whose pixels all tell their class."""

    image_shape: tuple[int, int, int] = (28, 28, 1)
    latent_sizes: tuple[int, ...] = (1,)

    @property
    def label_field(self):
        return "label"

    @property
    def label_size(self):
        return 10

    def _encode(self, image, train, label):
        mean = image.mean((1, 2)) + jnp.argmax(label, axis=1, keepdims=True).astype(jnp.float32)
        return (Posterior(mean, jnp.full_like(mean, 0.1)),)

    def _decode(self, latents, train, label):
        number = jnp.argmax(label, axis=1).astype(jnp.float32)[:, None, None, None]
        return jnp.broadcast_to(number, (len(latents[0]), 28, 28, 1))


@pytest.mark.parametrize(
    ("sampler", "options"),
    [("prior", {}), ("mixture", {"components": 2}), ("second_stage", {"steps": 3, "hidden": 4})],
)
def test_classes_are_drawn_as_often_as_they_are_seen(sampler, options):
    seen = data.load("mnist", split="train", limit=50)
    record = {"config": {"data": "mnist", "limit": 50}, "data": {"fingerprint": seen.spec.fingerprint}}
    run = jaxvae.Run(Labelled(), {}, config=record, variant="some", seed=0)
    images = study.draw_images(run, 5000, sampler=sampler, **options)[:, 0, 0, 0]
    drawn = np.rint(jax.scipy.special.logit(images)).astype(int)
    frequencies = np.bincount(seen.labels, minlength=10) / 50
    np.testing.assert_allclose(np.bincount(drawn, minlength=10) / 5000, frequencies, atol=0.03)


def test_images_from_the_prior_need_no_training_set(run):
    np.testing.assert_array_equal(study.draw_images(run, 4, seed=3), run.sample(4, seed=3))
    with pytest.raises(ValueError, match="does not record what it was trained on"):
        study.draw_images(run, 4, sampler="mixture")
    with pytest.raises(ValueError, match="sampler must be one of"):
        study.draw_images(run, 4, sampler="flow")


def test_a_second_stage_learns_a_dependence_that_its_prior_lacks():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 2000)
    ring = jnp.asarray(3 * np.stack([np.cos(angle), np.sin(angle)], axis=1), jnp.float32)
    codes = Posterior(ring, jnp.full_like(ring, 0.1))
    drawn = study.fit_second_stage(KEY, codes, steps=3000, hidden=64, learning_rate=3e-3)(KEY, 1000)
    radius = np.linalg.norm(drawn, axis=1)
    assert np.mean(np.abs(radius - 3) < 1) > 0.85


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("flow", {}, "sampler must be one of prior, mixture, second_stage, got 'flow'"),
        ("prior", {"steps": 3}, "has no options, got steps"),
        ("second_stage", {"steps": 0}, "at least one step and one code, got 0 and 128"),
        ("mixture", {"components": 601}, "one for each of 600 codes, got 601"),
    ],
)
def test_what_cannot_be_made_is_refused(name, options, message, run, images):
    with pytest.raises(ValueError, match=message):
        study.make_sampler(name, run, images, **options)


def test_a_fitted_sampler_needs_images(run):
    with pytest.raises(ValueError, match="give those that the model was trained on"):
        study.make_sampler("mixture", run)
