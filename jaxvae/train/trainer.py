"""A whole training, from replicas to their final states: fresh, resumed, or already finished."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.stages import Lowered, Wrapped
from jaxtyping import Array, PyTree

from jaxvae.screen import say
from jaxvae.train.checkpoint import Checkpoints
from jaxvae.train.divergence import Standing
from jaxvae.train.feed import open_feed
from jaxvae.train.log import MetricLog
from jaxvae.train.loop import CHUNK, fit
from jaxvae.train.parallel import Parallel
from jaxvae.train.program import Program, local
from jaxvae.train.recipe import Recipe
from jaxvae.train.rollback import RollBack, Rollbacks
from jaxvae.train.source import Windowed
from jaxvae.train.state import RATE, Replica, TrainState
from jaxvae.train.together import together
from jaxvae.train.workdir import Workdir
from jaxvae.xla import ONCE

_Initial: TypeAlias = tuple[Wrapped, tuple[PyTree, ...]]
"""The program that computes the state before the first step, and its arguments."""


def run(
    replicas: Sequence[Replica],
    recipe: Recipe,
    *,
    workdir: Workdir,
    record: Mapping[str, Any],
    whole: Mapping[str, Any] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    parallel: Parallel | None = None,
    compiler_options: Mapping[str, Any] | None = None,
) -> TrainState:
    """Trains all replicas in one program and leaves config.json, metrics.jsonl, checkpoints and TensorBoard events.

    A replica whose numbers become infinite or NaN is named in diverged.json, and the others go on; or it goes back, as
    rollbacks.json then says; or the run stops. The recipe decides.

    Args:
        replicas: the runs to train side by side, equal but for seed and `hyper`.
        recipe: how they are trained.
        workdir: where the run lives.
        record: content of config.json; each checkpoint has a copy.
        whole: content of the config.json of the run that this training is a part of, if it is one, for a copy of it.
        resume: whether to continue the run in `workdir`.
        overwrite: whether to delete the run in `workdir` first.
        parallel: devices; one if not given.
        compiler_options: XLA's, for the train program.

    Returns:
        The final state on this process's first device, with a leading axis of replicas.

    Raises:
        ValueError: the directory or the devices refuse, before anything is written.
        NonFiniteError: every replica diverged, or one where that stops the others.
        Interrupted: a signal came; the state has been saved.
        RunStopped: the directory was deleted or moved.
    """
    parallel = parallel or Parallel()
    parallel.check_replicas(len(replicas))
    recipe.check(parallel)
    program = parallel.compile_epoch(
        recipe.step, recipe.source, length=CHUNK, compiler_options=compiler_options
    )
    with together():
        workdir.check(record, resume=resume, overwrite=overwrite)
    with together():
        initial = recipe.begin(replicas)
        copies = {"config": record} | ({"run": whole} if whole is not None else {})
        checkpoints = Checkpoints(workdir.checkpoints, copies)
        state, complaints, compiled = _start(
            recipe, initial, program, parallel, checkpoints if resume and checkpoints.steps() else None
        )
        workdir.open(record, resume=resume, overwrite=overwrite)
    for complaint in complaints:
        say(f"{complaint}; continuing from step {_step(state)}")
    rollbacks = Rollbacks(workdir.rollbacks, replicas, step=_step(state)) if recipe.rollback else None
    while True:
        try:
            return _fit(state, recipe, replicas, program, parallel, checkpoints, workdir, rollbacks, compiled)
        except RollBack as back:
            assert rollbacks is not None
            state = _last_good(checkpoints, initial)
            rollbacks.add(back, to=_step(state))


def _start(
    recipe: Recipe, initial: _Initial, program: Program, parallel: Parallel, checkpoints: Checkpoints | None
) -> tuple[TrainState, list[str], Sequence[Future[Any]]]:
    """The state to go on from, what is wrong with later ones, and the compilation of the steps, if there are any."""
    begin, arguments = initial
    shapes = jax.eval_shape(begin, *arguments)
    pool = ThreadPoolExecutor(2, thread_name_prefix="compile")  # XLA works there, while Python goes on here
    complaints = list[str]()
    if checkpoints is None:
        anew = pool.submit(_run_once, begin.lower(*arguments), arguments)
    else:
        state, complaints = checkpoints.restore(vars(shapes))
    compiled: list[Future[Any]] = []
    if checkpoints is None or _step(state) < recipe.epochs * recipe.source.steps_per_epoch:
        compile_steps = program.trace(*parallel.shapes((shapes, parallel.examples(recipe.source))))
        if not isinstance(recipe.source, Windowed):  # whose windows have shapes of their own
            compiled.append(pool.submit(compile_steps))
    pool.shutdown(wait=False)
    return anew.result() if checkpoints is None else state, complaints, compiled


def _fit(
    state: TrainState,
    recipe: Recipe,
    replicas: Sequence[Replica],
    program: Program,
    parallel: Parallel,
    checkpoints: Checkpoints,
    workdir: Workdir,
    rollbacks: Rollbacks | None,
    compiled: Sequence[Future[Any]],
) -> TrainState:
    """The state after the last epoch, or `RollBack`."""
    source, start = recipe.source, _step(state)

    def evaluate_all(state: TrainState, standing: Mapping[int, Replica]) -> dict[int, Mapping[str, float]]:
        state = local(state)
        return {r: recipe.evaluate(state.replica(r).variables, replica) for r, replica in standing.items()}

    def ready(state: TrainState) -> tuple[Array, PyTree]:
        given = feed(state)  # whose order is drawn while the steps are compiled
        for steps in compiled:
            steps.result()
        return given

    if rollbacks is not None:
        rates = jnp.asarray(rollbacks.rates, state.hyper[RATE].dtype)
        state = replace(state, hyper={**state.hyper, RATE: rates})
    state = parallel.place(state)
    stop = recipe.epochs * source.steps_per_epoch
    with open_feed(program, source, state, parallel=parallel, length=CHUNK, stop=stop) as feed:
        final = fit(
            state,
            program,
            source,
            ready,
            epochs=recipe.epochs,
            standing=Standing(
                workdir.diverged, replicas, step=start, on_nan=recipe.on_nan, rollbacks=rollbacks
            ),
            evaluate=evaluate_all,
            require=workdir.require,
            checkpoints=checkpoints,
            log=MetricLog(workdir.metrics, workdir.tensorboard, list(replicas), step=start),
        )
    return local(final)


def _step(state: TrainState) -> int:
    """Of all replicas."""
    return int(np.ravel(state.step)[0])


def _last_good(checkpoints: Checkpoints, initial: _Initial) -> TrainState:
    """The state of the newest undamaged checkpoint, or that before the first step where there is none."""
    begin, arguments = initial
    if not checkpoints.steps():
        return _run_once(begin.lower(*arguments), arguments)
    state, complaints = checkpoints.restore(vars(jax.eval_shape(begin, *arguments)))
    for complaint in complaints:
        say(f"{complaint}.")
    return state


def _run_once(lowered: Lowered, arguments: Sequence[Any]) -> TrainState:
    compiled = lowered.compile(compiler_options=ONCE if jax.default_backend() == "cpu" else None)
    state: TrainState = compiled(*arguments)
    return state
