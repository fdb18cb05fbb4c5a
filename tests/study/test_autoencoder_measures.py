"""What is measured of a model, on a few digits and with a classifier that was not trained."""

import dataclasses
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxvae
from jaxvae import cli, evaluate, models, study

pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than the 32 features")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    config = cli.StudyConfig(
        workdir=tmp_path_factory.mktemp("runs") / "run", limit=24, batch_size=8, samples=24, bound_samples=3
    )
    experiment = study.Experiment.open("some_study", config)
    assert not config.workdir.exists()
    experiment.workdir.open({"experiment": "some_study", "config": {}}, resume=False, overwrite=False)
    return experiment


@pytest.fixture(scope="module")
def classifier():
    model = models.Classifier((28, 28, 1), widths=(2, 2), hidden=(32,))
    return study.FeatureClassifier(model, models.init(jax.random.key(0), model), 0.1)


def trained(variant="some", seed=0, **arguments):
    """A model with the parameters that it begins with."""
    model = models.ConvVAE((28, 28, 1), **arguments)
    variables = models.init(jax.random.key(seed), model)
    return jaxvae.Run(model, variables, config={}, variant=variant, seed=seed)


@pytest.fixture
def measures(experiment, classifier):
    yield study.AutoencoderMeasures(experiment, experiment.config, classifier)
    experiment.workdir.measures.unlink(missing_ok=True)


def test_numbers_are_those_of_the_models_own_prior(experiment, measures):
    run = trained(prior=(1.0, 2.0))
    found = measures(run)
    names = {"kl", "kl_1", "kl_2", "bce", "mse", "ssim", "iwae", "elbo", "active_units", "classifier_fid"}
    names |= {"parameters", "sharpness_ratio", "sure", "effective_classes", "class_coverage"}
    names |= {f"found_{digit}" for digit in range(10)}
    assert found.keys() == names
    (posterior,) = run.encode(experiment.test_set.images)
    mean, stddev = np.float64(posterior.mean), np.float64(posterior.stddev)
    kl = np.sum(np.log(2 / stddev) + (stddev**2 + (mean - 1) ** 2) / 8 - 0.5, axis=1).mean()
    assert found["kl"] == pytest.approx(kl, rel=1e-4)
    assert found["elbo"] == -(found["bce"] + found["kl"])
    assert found["iwae"] > found["elbo"] - 1
    assert all(map(math.isfinite, found.values()))


def test_the_classifiers_distance_is_that_of_its_activations(experiment, classifier, measures):
    run = trained()
    samples = np.asarray(run.sample(24, seed=0))
    real = experiment.test_set.images / np.float32(255)
    moments = [
        evaluate.moments(
            np.asarray(classifier.model.apply(classifier.variables, jnp.asarray(x), method="penultimate"))
        )
        for x in (samples, real)
    ]
    assert measures(run)["classifier_fid"] == pytest.approx(evaluate.frechet_distance(*moments), rel=1e-4)
    np.testing.assert_allclose(
        classifier.moments(experiment.test_set.images).mean, moments[1].mean, rtol=1e-5
    )


def test_what_was_measured_before_an_interruption_is_not_measured_again(
    experiment, classifier, measures, monkeypatch
):
    first = measures(trained("a"))
    again = study.AutoencoderMeasures(experiment, experiment.config, classifier)
    monkeypatch.setattr(jaxvae.Run, "sample", lambda *_, **__: pytest.fail("it samples again"))
    assert again(trained("a")) == first
    monkeypatch.undo()
    second = again(trained("b", seed=1))
    assert second != first
    lines = [json.loads(line) for line in experiment.workdir.measures.read_text().splitlines()]
    assert [(line["variant"], line["seed"]) for line in lines] == [("a", 0), ("b", 1)]


def test_models_that_differ_in_how_they_began_share_an_evaluator(measures):
    one, other, skipping = (
        trained("a"),
        trained("b", initialization="kaiming_normal"),
        trained("c", skip=True),
    )
    for run in (one, other, skipping):
        measures(run)
    assert len(measures._evaluator._evaluators) == 2


def test_an_experiment_refuses_a_batch_larger_than_its_data(experiment):
    config = dataclasses.replace(experiment.config, batch_size=25)
    with pytest.raises(ValueError, match="batch_size must be between 1 and the 24 examples"):
        study.Experiment.open("some_study", config)
