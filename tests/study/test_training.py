"""Games as studies train them, on pictures of eight by eight pixels."""

import dataclasses
import os
import signal

import jax
import numpy as np
import optax
import pytest

from jaxvae import cli, data, losses, models, report, study, train
from jaxvae.train import loop, session

RATE = 1e-2


def prepared(workdir):
    config = cli.RunConfig(workdir=workdir, data="drawn", image_size=8, limit=20, batch_size=10)
    experiment = study.Experiment.prepare("toy", config)
    chosen = data.select_attributes(experiment.source.dataset, [])
    test = data.select_attributes(experiment.test_set, [])
    return dataclasses.replace(
        experiment,
        source=data.serve(chosen, batch_size=10),
        test_set=test,
        batches=data.batches(test, batch_size=10),
    )


def game(model, *, penalty=0.0):
    terms, weights = losses.vaegan_players(
        losses.adversarial("minimax"), models.own_priors(model)[0], penalty=penalty
    )
    players = {name: train.Player((name,), train.adversarial_adam(RATE)) for name in weights}
    return study.Game(terms=terms, weights=weights, players=players, label=models.told(model), noise=0.1)


@pytest.mark.parametrize(("attributes", "penalty"), [(0, 0.0), (3, 10.0)])
def test_players_are_trained_measured_and_used(tmp_path, attributes, penalty):
    experiment = prepared(tmp_path / "run")
    model = models.VAEGAN((8, 8, 3), 2, (4,), (4,), 4, 1, "none", attributes, layout=experiment.layout)
    replicas = [train.Replica("hybrid", seed, {}) for seed in (0, 1)]
    experiment.workdir.open(experiment.record(model, replicas), resume=False, overwrite=False)
    state = study.fit_game(
        experiment, replicas, model=model, game=game(model, penalty=penalty), epochs=2, part="hybrid"
    )
    assert int(state.step[0]) == 4
    records = report.read_records(experiment.workdir.part("hybrid").metrics)
    validated = [record for record in records if record["split"] == "validation"]
    assert len(validated) == 4, "two seeds, two epochs"
    for record in validated:
        assert "gradient_penalty" not in record
        assert record["adversarial_real"] > 0
    trained = next(record for record in records if record["split"] == "train")
    assert {"encoder_loss", "decoder_loss", "discriminator_loss"} <= trained.keys()
    assert ("gradient_penalty" in trained) == bool(penalty)
    run, _ = experiment.runs(replicas, state, model=model, part="hybrid")
    labels = np.eye(3, dtype=bool)[[0, 1, 2, 0]] if attributes else None
    images = np.asarray(run.sample(4, labels=labels))
    assert images.shape == (4, 8, 8, 3)
    assert run.reconstruct(experiment.test_set.images[:4], labels=labels).shape == (4, 8, 8, 3)
    if attributes:
        others = np.asarray(run.sample(4, labels=~labels))
        assert np.abs(images - others).max() > 1e-6, "attributes reach the decoder"
        with pytest.raises(ValueError, match=r"takes attributes of shape \(4, 3\)"):
            run.sample(4, labels=labels[:, :2])


def play_to_the_end(workdir):
    """Four steps with all that has a state or looks at the step, up to a signal if one comes."""
    experiment = prepared(workdir)
    model = models.VAEGAN((8, 8, 3), 2, (4,), (4,), 4, 1, "spectral", layout=experiment.layout)
    replicas = [train.Replica("hybrid", 0, {})]
    if not workdir.exists():
        experiment.workdir.open(experiment.record(model, replicas), resume=False, overwrite=False)
    sides = ["adversarial_real"], ["adversarial_reconstruction", "adversarial_sample"]
    rule = losses.equilibrium(*sides, target=0.72, margin=0.07)
    noise = optax.linear_schedule(0.3, 0.0, 4)
    played = dataclasses.replace(game(model), rule=rule, noise=noise)
    state = study.fit_game(experiment, replicas, model=model, game=played, epochs=2, part="hybrid")
    return state, report.read_records(experiment.workdir.part("hybrid").metrics)


def test_an_interrupted_game_goes_on_bit_for_bit(tmp_path, monkeypatch):
    for module in (loop, session):
        monkeypatch.setattr(module, "CHUNK", 1)
    expected, records = play_to_the_end(tmp_path / "whole")
    moves = [record["discriminator_moves"] for record in records if record["split"] == "train"]
    assert set(moves) == {0, 1}, "the rule holds somebody back, but not always"
    check = loop.check_finite

    def check_and_raise(metrics, first, replicas):
        check(metrics, first, replicas)
        if first == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "check_finite", check_and_raise)
        with pytest.raises(train.Interrupted):
            play_to_the_end(tmp_path / "parted")
    actual, again = play_to_the_end(tmp_path / "parted")
    assert again == records
    assert int(actual.step[0]) == 4
    for name in ("params", "model_state", "opt_state"):
        jax.tree.map(np.testing.assert_array_equal, getattr(actual, name), getattr(expected, name))


def test_a_judge_tells_attributes(tmp_path):
    experiment = prepared(tmp_path / "run")
    model = models.VAEGAN((8, 8, 3), 2, (4,), (4,), 4, 1, layout=experiment.layout)
    experiment.workdir.open(experiment.record(model, []), resume=False, overwrite=False)
    judge = study.train_attribute_classifier(experiment, epochs=1)
    probabilities = judge.probabilities(experiment.test_set.images)
    assert probabilities.shape == (20, 3)
    right = (probabilities > 0.5) == experiment.test_set.attributes.values
    assert judge.accuracy == pytest.approx(right.mean(), abs=1e-6)
    assert judge.features(experiment.test_set.images).shape == (20, 64)
