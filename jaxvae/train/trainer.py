"""A whole training, from replicas to their final states: fresh, resumed, or already finished."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.stages import Lowered
from jaxtyping import Array, PyTree

from jaxvae.screen import say
from jaxvae.train.checkpoint import Checkpoints
from jaxvae.train.divergence import Standing
from jaxvae.train.feed import Windowed, open_feed
from jaxvae.train.log import MetricLog
from jaxvae.train.loop import CHUNK, fit
from jaxvae.train.parallel import Parallel, Source
from jaxvae.train.state import Init, Player, Replica, TrainState, init_program
from jaxvae.train.step import Losses, make_step
from jaxvae.train.workdir import Workdir
from jaxvae.types import Variables
from jaxvae.xla import ONCE


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What one program trains, whatever its replicas are and wherever it runs.

    Attributes:
        init: Flax variables from a key, or such a function for each variant.
        losses: loss of each player.
        players: by name.
        source: the training data.
        evaluate: numbers of one replica on held-out data, from its variables, after each epoch.
        epochs: passes over the data in all.
        ema_decay: of the moving average of the parameters that is evaluated in their place; 0 for none.
    """

    init: Init | Mapping[str, Init]
    losses: Losses
    players: Mapping[str, Player]
    source: Source
    evaluate: Callable[[Variables, Replica], Mapping[str, float]]
    epochs: int
    ema_decay: float = 0.0


def run(
    replicas: Sequence[Replica],
    recipe: Recipe,
    *,
    workdir: Workdir,
    record: Mapping[str, Any],
    resume: bool = False,
    overwrite: bool = False,
    parallel: Parallel | None = None,
    compiler_options: Mapping[str, Any] | None = None,
) -> TrainState:
    """Trains all replicas in one program and leaves config.json, metrics.jsonl, checkpoints and TensorBoard events.

    A replica whose numbers become infinite or NaN is named in diverged.json, and the others go on.

    Args:
        replicas: the runs to train side by side, equal but for seed and `hyper`.
        recipe: how they are trained.
        workdir: where the run lives.
        record: content of config.json.
        resume: whether to continue the run in `workdir`.
        overwrite: whether to delete the run in `workdir` first.
        parallel: devices; one if not given.
        compiler_options: XLA's, for the train program.

    Returns:
        The final state on one device, with a leading axis of replicas.

    Raises:
        ValueError: the directory or the devices refuse, before anything is written.
        NonFiniteError: every replica diverged.
        Interrupted: a signal came; the state has been saved.
    """
    parallel, source, players = parallel or Parallel(), recipe.source, recipe.players
    step = make_step(recipe.losses, players, ema_decay=recipe.ema_decay)
    program = parallel.compile_epoch(step, source, length=CHUNK, compiler_options=compiler_options)
    workdir.check(record, resume=resume, overwrite=overwrite)
    begin, arguments = init_program(replicas, recipe.init, players, ema=recipe.ema_decay > 0)
    shapes = jax.eval_shape(begin, *arguments)
    checkpoints = Checkpoints(workdir.checkpoints)
    fresh = not (resume and checkpoints.steps())
    start, stop, complaints = 0, recipe.epochs * source.steps_per_epoch, list[str]()
    pool = ThreadPoolExecutor(2, thread_name_prefix="compile")  # XLA works there, while Python goes on here
    if fresh:
        anew = pool.submit(_run_once, begin.lower(*arguments), arguments)
    else:
        state, complaints = checkpoints.restore(vars(shapes))
        start = int(np.asarray(state.step)[0])
    compiled: list[Future[Any]] = []
    if start < stop:
        compile_steps = program.trace(*parallel.shapes((shapes, source.arrays)))
        if not isinstance(source, Windowed):  # whose windows have shapes of their own
            compiled.append(pool.submit(compile_steps))
    pool.shutdown(wait=False)
    if fresh:
        state = anew.result()
    workdir.open(record, resume=resume, overwrite=overwrite)
    for complaint in complaints:
        say(f"{complaint}; continuing from step {start}")

    def evaluate_all(state: TrainState, standing: Mapping[int, Replica]) -> dict[int, Mapping[str, float]]:
        state = jax.device_put(state, jax.devices()[0])
        return {r: recipe.evaluate(state.replica(r).variables, replica) for r, replica in standing.items()}

    def ready(state: TrainState) -> tuple[Array, PyTree]:
        given = feed(state)  # whose order is drawn while the steps are compiled
        for steps in compiled:
            steps.result()
        return given

    state = parallel.place(state)
    with (
        MetricLog(workdir.metrics, workdir.tensorboard, list(replicas), step=start) as log,
        open_feed(program, source, state, place=parallel.place, length=CHUNK, stop=stop) as feed,
    ):
        final = fit(
            state,
            program,
            source,
            ready,
            epochs=recipe.epochs,
            standing=Standing(workdir.diverged, replicas, step=start),
            evaluate=evaluate_all,
            checkpoints=checkpoints,
            log=log,
        )
    return jax.device_put(final, jax.devices()[0])


def _run_once(lowered: Lowered, arguments: Sequence[Any]) -> TrainState:
    compiled = lowered.compile(compiler_options=ONCE if jax.default_backend() == "cpu" else None)
    state: TrainState = compiled(*arguments)
    return state
