"""Games as studies train them, on pictures of eight by eight pixels."""

import dataclasses
import os
import signal

import jax
import numpy as np
import optax
import pytest

from jaxvae import cli, data, losses, models, report, study, train
from jaxvae.train import loop, trainer

RATE = 1e-2


def prepared(workdir):
    config = cli.RunConfig(
        workdir=workdir,
        data="drawn",
        image_size=8,
        limit=20,
        batch_size=10,
        epochs=2,
        resume=workdir.exists(),
    )
    return study.Experiment.open(
        "toy",
        config,
        parts={"hybrid": "hybrid"},
        select=lambda *sets: tuple(data.select_attributes(each, []) for each in sets),
    )


def game(model, *, penalty=0.0):
    terms, weights = losses.vaegan_players(
        losses.adversarial("minimax"), models.own_priors(model)[0], penalty=penalty
    )
    players = {name: train.Player((name,), train.adversarial_adam(RATE)) for name in weights}
    return study.Game(terms=terms, weights=weights, players=players, label=model.label_field, noise=0.1)


@pytest.mark.parametrize(("attributes", "penalty"), [(0, 0.0), (3, 10.0)])
def test_players_are_trained_measured_and_used(tmp_path, monkeypatch, attributes, penalty):
    experiment = prepared(tmp_path / "run")
    model = models.VAEGAN((8, 8, 3), 2, (4,), (4,), 4, 1, "none", attributes, layout=experiment.layout)
    training = study.Training(model=model, game=game(model, penalty=penalty), variants={"hybrid": {}})
    runs = experiment.train(training, part="hybrid", seeds=[0, 1])["hybrid"].runs
    assert [run.seed for run in runs] == [0, 1]
    directory = experiment.workdir.part("hybrid")
    kept = train.Checkpoints(directory.checkpoints).read_record()
    assert (kept["config"], kept["run"]) == (directory.read_config(), experiment.workdir.read_config())
    assert kept["prng"] == kept["config"]["environment"]["prng"]
    records = report.read_records(experiment.workdir.part("hybrid").metrics)
    validated = [record for record in records if record["split"] == "validation"]
    assert len(validated) == 4, "two seeds, two epochs"
    for record in validated:
        assert "gradient_penalty" not in record
        assert record["adversarial_real"] > 0
    trained = next(record for record in records if record["split"] == "train")
    assert {"encoder_loss", "decoder_loss", "discriminator_loss"} <= trained.keys()
    assert ("gradient_penalty" in trained) == bool(penalty)
    drawn, curves = [], report.curves
    monkeypatch.setattr(report, "curves", lambda *given: drawn.append(given[1]) or curves(*given))
    experiment.publish(title="Toy", intro="", tables=[])
    keys = {column.key for column in drawn[0]}
    assert {"kl", "adversarial_real", "generator_sample", "encoder_loss", "discriminator_loss"} <= keys
    assert ("gradient_penalty" in keys) == bool(penalty)
    assert not any(key in ("loss", "seed", "step") or key.startswith("grad_norm") for key in keys)
    run = runs[0]
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
    sides = ["adversarial_real"], ["adversarial_reconstruction", "adversarial_sample"]
    rule = losses.equilibrium(*sides, target=0.72, margin=0.07)
    noise = optax.linear_schedule(0.3, 0.0, 4)
    played = dataclasses.replace(game(model), rule=rule, noise=noise)
    experiment.train(study.Training(model=model, game=played, variants={"hybrid": {}}), part="hybrid")
    part = experiment.workdir.part("hybrid")
    return train.Checkpoints(part.checkpoints).restore_tree(), report.read_records(part.metrics)


def test_an_interrupted_game_goes_on_bit_for_bit(tmp_path, monkeypatch):
    for module in (loop, trainer):
        monkeypatch.setattr(module, "CHUNK", 1)
    expected, records = play_to_the_end(tmp_path / "whole")
    moves = [record["discriminator_moves"] for record in records if record["split"] == "train"]
    assert set(moves) == {0, 1}, "the rule holds somebody back, but not always"
    check = loop.non_finite_metrics

    def check_and_raise(metrics, first, replicas):
        if first == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return check(metrics, first, replicas)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "non_finite_metrics", check_and_raise)
        with pytest.raises(train.Interrupted):
            play_to_the_end(tmp_path / "parted")
    actual, again = play_to_the_end(tmp_path / "parted")
    assert again == records
    assert actual["step"] == 4
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def test_a_classifier_tells_attributes(tmp_path):
    experiment = prepared(tmp_path / "run")
    classifier = study.train_attribute_classifier(experiment, epochs=1)
    probabilities = classifier.probabilities(experiment.test_set.images)
    assert probabilities.shape == (20, 3)
    right = (probabilities > 0.5) == experiment.test_set.attributes.values
    assert classifier.accuracy == pytest.approx(right.mean(), abs=1e-6)
    assert classifier.features(experiment.test_set.images).shape == (20, 64)
