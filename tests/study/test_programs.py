"""Which programs a run compiles, of what begins it, its evaluations and the use of its models: each one once."""

from contextlib import contextmanager

import jax
import jax.monitoring
import numpy as np
import pytest

from jaxvae import cli, losses, models, study, train
from jaxvae.train import trainer

EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "traced",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowered",
}


@contextmanager
def programs():
    """Names of the functions that are traced and lowered, whatever the cache of compiled programs holds."""
    found = {"traced": [], "lowered": []}

    def listen(event, duration, *, fun_name=None, **_):
        if event in EVENTS:
            found[EVENTS[event]].append(str(fun_name).removeprefix("jit(").removesuffix(")"))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two runs of two epochs, and what was compiled until the first step, and in each evaluation."""
    config = cli.RunConfig(
        workdir=tmp_path_factory.mktemp("runs") / "run",
        data="drawn",
        image_size=8,
        limit=20,
        batch_size=10,
        epochs=2,
    )
    experiment = study.Experiment.open("toy", config)
    training = study.Training(
        model=models.DropoutVAE((8, 8, 3), (3,), (5,), layout=experiment.layout),
        terms={"reconstruction": losses.reconstruction("bernoulli")},
        weights={"reconstruction": 1.0},
        optimizer=train.adam(1e-3),
        variants={"light": {"reconstruction": 1.0}, "heavy": {"reconstruction": 2.0}},
    )
    fit, phases = trainer.fit, []

    def watched(*arguments, evaluate, **options):
        def evaluate_watched(*given):
            with programs() as found:
                phases.append(found["lowered"])
                return evaluate(*given)

        return fit(*arguments, evaluate=evaluate_watched, **options)

    jax.clear_caches()
    with pytest.MonkeyPatch.context() as patch, programs() as found:
        patch.setattr(trainer, "fit", watched)
        runs = [each.runs[0] for each in experiment.train(training).values()]
    return found, phases, runs, experiment.test_set.images


def test_three_programs_begin_a_training_and_the_steps_are_traced_once(trained):
    found, phases, *_ = trained
    evaluated = [name for phase in phases for name in phase]
    # The tests' checks of types look at batches too, which gathers them.
    assert sorted(set(found["lowered"]) - {"_gather"}) == sorted(
        {"start", "rows", "chunk", *evaluated} - {"_gather"}
    )
    assert all(found["lowered"].count(name) == 1 for name in ("start", "rows", "chunk", "_replica", "sums"))
    assert found["traced"].count("chunk") == 1


def test_replicas_share_the_programs_of_an_evaluation_and_later_epochs_need_none(trained):
    _, (first, second), *_ = trained
    assert set(first) <= {"_gather", "_replica", "evaluation_key", "sums"}
    assert len(first) == len(set(first))
    assert second == []


def test_models_that_differ_in_their_parameters_share_programs(trained):
    *_, runs, images = trained
    first, second = runs
    shown = first.reconstruct(images[:3])
    with programs() as found:
        others = second.reconstruct(images[:3])
    assert found["lowered"] == []
    assert np.abs(np.asarray(shown) - np.asarray(others)).max() > 0
