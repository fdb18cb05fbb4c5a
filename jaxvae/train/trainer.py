"""A whole training, from replicas to their final states: fresh, resumed, or already finished."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.stages import Lowered, Wrapped
from jaxtyping import Array, PyTree

from jaxvae.screen import say
from jaxvae.train.checkpoint import Checkpoints
from jaxvae.train.divergence import OnNaN, Standing
from jaxvae.train.feed import open_feed
from jaxvae.train.gradients import Losses
from jaxvae.train.log import MetricLog
from jaxvae.train.loop import CHUNK, fit
from jaxvae.train.parallel import Parallel, Source, Windowed, local
from jaxvae.train.replica_parallel import ReplicaParallel
from jaxvae.train.rollback import RollBack, Rollbacks, with_rate
from jaxvae.train.skipping import skipping
from jaxvae.train.state import RATE, Init, Player, Replica, TrainState, init_program
from jaxvae.train.step import Step, make_step
from jaxvae.train.together import together
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
        on_nan: what happens to the other replicas when a number of one becomes infinite or NaN.
        skip_nonfinite: steps in a row that a replica may leave out because a gradient is infinite or NaN.
        rollback: whether a replica that diverges goes back to the last good checkpoint, or to the start where there is
            none, and on with half the learning rate, at most three times.
        accumulate: parts that a batch is computed in, one after the other; see `jaxvae.train.accumulate`.
    """

    init: Init | Mapping[str, Init]
    losses: Losses
    players: Mapping[str, Player]
    source: Source
    evaluate: Callable[[Variables, Replica], Mapping[str, float]]
    epochs: int
    ema_decay: float = 0.0
    on_nan: OnNaN = "drop"
    skip_nonfinite: int = 0
    rollback: bool = False
    accumulate: int = 1

    def check(self, parallel: Parallel) -> None:
        """Refuses parts of a batch that cannot be equally large, on each device that shares it.

        Args:
            parallel: the devices.

        Raises:
            ValueError: the batch size is not divisible by the number of parts times that of these devices.
        """
        devices = 1 if isinstance(parallel, ReplicaParallel) else parallel.total
        if self.accumulate > 1 and self.source.batch_size % (self.accumulate * devices):
            shared = f" on each of {devices} devices" if devices > 1 else ""
            raise ValueError(
                f"accumulate cuts a batch into equal parts{shared}, but {self.source.batch_size} examples cannot be "
                f"cut into {self.accumulate * devices}."
            )

    @property
    def step(self) -> Step:
        """The train step of one replica."""
        step = make_step(self.losses, self.players, ema_decay=self.ema_decay, accumulate=self.accumulate)
        if self.skip_nonfinite:
            step = skipping(step, self.players, most=self.skip_nonfinite)
        return step

    def begin(self, replicas: Sequence[Replica]) -> tuple[Wrapped, tuple[PyTree, ...]]:
        """The state of all replicas before the first step, for who compiles it ahead.

        Args:
            replicas: the runs to train side by side.

        Returns:
            The program that computes it, and the program's arguments.
        """
        replicas = with_rate(replicas) if self.rollback else replicas
        ema, skips = self.ema_decay > 0, self.skip_nonfinite > 0
        return init_program(replicas, self.init, self.players, ema=ema, skips=skips)


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
    parallel, source = parallel or Parallel(), recipe.source
    parallel.check_replicas(len(replicas))
    recipe.check(parallel)
    program = parallel.compile_epoch(recipe.step, source, length=CHUNK, compiler_options=compiler_options)
    with together():
        workdir.check(record, resume=resume, overwrite=overwrite)
    with together():
        begin, arguments = recipe.begin(replicas)
        shapes = jax.eval_shape(begin, *arguments)
        copies = {"config": record} | ({"run": whole} if whole is not None else {})
        checkpoints = Checkpoints(workdir.checkpoints, copies)
        fresh = not (resume and checkpoints.steps())
        start, stop, complaints = 0, recipe.epochs * source.steps_per_epoch, list[str]()
        pool = ThreadPoolExecutor(
            2, thread_name_prefix="compile"
        )  # XLA works there, while Python goes on here
        if fresh:
            anew = pool.submit(_run_once, begin.lower(*arguments), arguments)
        else:
            state, complaints = checkpoints.restore(vars(shapes))
            start = int(np.asarray(state.step)[0])
        compiled: list[Future[Any]] = []
        if start < stop:
            compile_steps = program.trace(*parallel.shapes((shapes, parallel.examples(source))))
            if not isinstance(source, Windowed):  # whose windows have shapes of their own
                compiled.append(pool.submit(compile_steps))
        pool.shutdown(wait=False)
        if fresh:
            state = anew.result()
        workdir.open(record, resume=resume, overwrite=overwrite)
    for complaint in complaints:
        say(f"{complaint}; continuing from step {start}")

    def evaluate_all(state: TrainState, standing: Mapping[int, Replica]) -> dict[int, Mapping[str, float]]:
        state = local(state)
        return {r: recipe.evaluate(state.replica(r).variables, replica) for r, replica in standing.items()}

    def ready(state: TrainState) -> tuple[Array, PyTree]:
        given = feed(state)  # whose order is drawn while the steps are compiled
        for steps in compiled:
            steps.result()
        return given

    rollbacks = Rollbacks(workdir.rollbacks, replicas, step=start) if recipe.rollback else None
    while True:
        if rollbacks is not None:
            rates = jnp.asarray(rollbacks.rates, state.hyper[RATE].dtype)
            state = replace(state, hyper={**state.hyper, RATE: rates})
        state = parallel.place(state)
        standing = Standing(workdir.diverged, replicas, step=start, on_nan=recipe.on_nan, rollbacks=rollbacks)
        log = MetricLog(workdir.metrics, workdir.tensorboard, list(replicas), step=start)
        try:
            with open_feed(program, source, state, parallel=parallel, length=CHUNK, stop=stop) as feed:
                final = fit(
                    state,
                    program,
                    source,
                    ready,
                    epochs=recipe.epochs,
                    standing=standing,
                    evaluate=evaluate_all,
                    require=workdir.require,
                    checkpoints=checkpoints,
                    log=log,
                )
            return local(final)
        except RollBack as back:
            state = _last_good(checkpoints, begin, arguments)
            start = int(np.asarray(state.step)[0])
            assert rollbacks is not None
            rollbacks.add(back, to=start)


def _last_good(checkpoints: Checkpoints, begin: Wrapped, arguments: Sequence[Any]) -> TrainState:
    """The state of the newest undamaged checkpoint, or that before the first step where there is none."""
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
