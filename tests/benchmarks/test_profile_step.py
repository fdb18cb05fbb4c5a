import dataclasses

import jax
import jax.numpy as jnp
import pytest

from benchmarks import networks, problems, profile_step
from jaxvae import train


def test_a_term_costs_what_the_step_without_it_saves():
    times = {
        "whole step": [10.0, 20.0, 12.0],
        "without ssim_loss": [9.0, 18.0, 6.0],
        "gather": [1.0, 2.0, 3.0],
    }
    assert profile_step.shares(times) == [
        ("part", "ms", "share"),
        ("whole step", "12.00", "100.0 %"),
        ("loss: ssim_loss", "2.00", "10.0 %"),
        ("gather", "2.00", "10.0 %"),
    ]


def test_everything_is_timed_by_name(monkeypatch, capsys):
    workload = profile_step.WORKLOADS["conv"]
    small = profile_step.replace(workload, widths=(2, 2))
    monkeypatch.setitem(profile_step.WORKLOADS, "conv", small)
    monkeypatch.setattr(profile_step, "Ours", lambda *given: _Still())
    profile_step.main(profile_step.Config(model="conv", batch_size=4, rounds=2, steps=2))
    printed = capsys.readouterr().out
    for part in ("whole step", "loss: reconstruction", "loss: kl", "gather", "encoder", "decoder"):
        assert f"| {part} " in printed


def test_of_a_game_the_penalty_and_the_discriminator_are_timed_too(monkeypatch):
    game = dataclasses.replace(profile_step.WORKLOADS["vaegan_penalty"].game, widths=(2, 2), hidden=3)
    small = dataclasses.replace(
        profile_step.WORKLOADS["vaegan_penalty"],
        image_shape=(8, 8, 3),
        widths=(2, 2),
        latent_sizes=(2,),
        game=dataclasses.replace(game, feature_layer=2),
    )
    monkeypatch.setitem(profile_step.WORKLOADS, "vaegan_penalty", small)
    trained = []
    monkeypatch.setattr(profile_step, "Ours", lambda *given: trained.append(given[2:]) or _Still())
    found = profile_step.timers(profile_step.Config(model="vaegan_penalty", batch_size=4))
    assert list(found) == [
        "whole step",
        "without gradient_penalty",
        "gather",
        "encoder",
        "decoder",
        "discriminator",
    ]
    (reduced,) = trained[1]
    assert (reduced.game.penalty, reduced.game.norm) == (0.0, False)
    assert all(found[part](1) > 0 for part in ("encoder", "decoder", "discriminator"))


def test_what_stands_in_for_the_reconstruction_has_a_gradient_everywhere():
    workload = dataclasses.replace(
        profile_step.WORKLOADS["conv"], widths=(4, 4, 4), weights={"square": 1.0, "kl": 1.0}
    )
    problem = problems.pose(workload, 4)
    objective = networks.make_objective(workload, [])
    losses = train.one_player("model", networks.make_model(workload, "float32"), objective)

    def loss(params):
        values, _ = losses(
            train.StepInput(problem.key, params, problem.model_state, problem.batch, jnp.int32(0), {})
        )
        return values["model"]

    gradient = jax.grad(loss)(problem.params)
    assert all(jnp.any(jnp.abs(leaf) > 1e-6) for leaf in jax.tree.leaves(gradient))


class _Still:
    """Stands in for a whole step, whose compilation takes long."""

    def run(self, steps):
        return 0.1 * steps


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        profile_step.main(profile_step.Config(rounds=0))
