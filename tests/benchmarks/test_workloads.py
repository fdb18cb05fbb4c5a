"""Workloads that stand for an experiment, beside its own training."""

import pytest

from benchmarks import networks, trainings
from benchmarks.workloads import WORKLOADS
from jaxvae import train


@pytest.fixture(scope="module")
def job():
    return trainings.find("vaegan", train.Parallel())


def test_the_penalized_vaegan_is_what_the_experiment_trains(job):
    workload, config = WORKLOADS["vaegan_penalty"], job.experiment.config
    model = networks.make_model(workload, "float32")
    terms, weights = networks.make_game(workload, model)
    assert job.training.variants == {"VAE-GAN": {}}
    assert model == job.training.model
    assert workload.batch_size == config.batch_size
    assert (weights, set(terms)) == (job.training.game.weights, set(job.training.game.terms))
    assert weights["discriminator"]["gradient_penalty"] == 10
    assert (config.game, config.smoothing, job.training.game.noise, job.training.game.rule) == (
        networks.GAME,
        0,
        None,
        None,
    )


def test_the_papers_vaegan_has_batch_norm_and_no_penalty(job):
    model = networks.make_model(WORKLOADS["vaegan"], "float32")
    terms, _ = networks.make_game(WORKLOADS["vaegan"], model)
    assert model == job.training.model.clone(normalisation="batch")
    assert "gradient_penalty" not in terms
