"""The training loop: chunks of steps, progress, records, evaluation, checkpoints, and an orderly stop."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import jax
import numpy as np

from jaxvae.processes import tell
from jaxvae.screen import Bar
from jaxvae.signals import heard
from jaxvae.train.checkpoint import Checkpoints
from jaxvae.train.divergence import Standing, non_finite_metrics, non_finite_state
from jaxvae.train.feed import Feed
from jaxvae.train.log import MetricLog
from jaxvae.train.program import Program
from jaxvae.train.rollback import RollBack
from jaxvae.train.skipping import averaged
from jaxvae.train.source import Source
from jaxvae.train.state import Replica, TrainState
from jaxvae.train.together import together
from jaxvae.types import RunStopped

CHUNK = 50
"""Steps in one dispatch: the progress bar moves, and a signal is heard, this often."""


class Interrupted(RunStopped):
    """A signal asked the run to stop; its state is saved."""

    def __init__(self, number: int) -> None:
        name = signal.Signals(number).name
        super().__init__(f"stopped by {name}; the state is saved.", status=128 + number, resumable=True)


@contextmanager
def _stopping(caught: list[int]) -> Iterator[None]:
    """Stops rather than goes back if a signal has come; the last good checkpoint is there already."""
    try:
        yield
    except RollBack:
        if number := max(tell(caught[0] if caught else 0)):
            raise Interrupted(number) from None
        raise


def fit(
    state: TrainState,
    program: Program,
    source: Source,
    feed: Feed,
    *,
    epochs: int,
    standing: Standing,
    evaluate: Callable[[TrainState, Mapping[int, Replica]], Mapping[int, Mapping[str, float]]],
    require: Callable[[], None] = lambda: None,
    checkpoints: Checkpoints,
    log: MetricLog,
) -> TrainState:
    """Trains until `epochs` epochs are done, from wherever the state is.

    After each epoch every replica is evaluated and the state saved. A signal of `jaxvae.signals.STOPPING` is
    heard between chunks, on the main thread, also one that another process got. A replica that diverges is neither
    recorded nor evaluated from then on.

    Args:
        state: of all replicas; donated.
        program: compiled steps, for at most `CHUNK` at a time.
        source: the data that it was compiled for.
        feed: the source's examples on the devices, from the state's step on.
        epochs: in all, those behind the state counted in.
        standing: the replicas that have not diverged.
        evaluate: numbers of each of the given replicas on held-out data.
        require: raises if there is no place to write to any more; called before anything is written.
        checkpoints: where states are saved.
        log: where numbers are recorded.

    Returns:
        The state after the last epoch.

    Raises:
        NonFiniteError: a loss term, a gradient or a number on held-out data is not finite in the last replica.
        RollBack: a replica diverged, and all are to go on from the last good checkpoint.
        Interrupted: a signal came; the state has been saved.
    """
    per_epoch, step = source.steps_per_epoch, int(np.ravel(state.step)[0])
    images = source.batch_size * len(state.step)
    bar = Bar(
        total=epochs * per_epoch * images, initial=step * images, unit="img", unit_scale=True, smoothing=0.05
    )
    with bar, heard(lambda number: None, then_die=False) as caught, _stopping(caught):
        while step < epochs * per_epoch:
            epoch = step // per_epoch + 1
            bar.set_description(f"epoch {epoch}/{epochs}")
            count = min(CHUNK - step % per_epoch % CHUNK, epoch * per_epoch - step)
            state, history = program.chunk(state, *feed(state), np.int32(count))
            values_at = {
                name: np.asarray(values)[:, :count] for name, values in jax.device_get(history).items()
            }
            with together():
                require()
            standing.drop(non_finite_metrics(values_at, step, standing.replicas), step=step + count)
            step += count
            means = {number: averaged(values_at, number) for number in standing.replicas}
            for number, replica in standing.replicas.items():
                log.write(replica, epoch=epoch, step=step, split="train", values=means[number])
            bar.set_postfix_str(
                "loss " + "/".join(f"{values.get('loss', np.nan):#.4g}" for values in means.values())
            )
            bar.update(count * images)
            if step == epoch * per_epoch:
                bar.set_postfix_str(f"{bar.postfix}, evaluating")
                standing.drop(non_finite_state(state, standing.replicas), step=step)
                _validate(evaluate(state, standing.replicas), standing, require, log, epoch=epoch, step=step)
                checkpoints.save(state)
            if number := max(tell(caught[0] if caught else 0)):
                standing.drop(non_finite_state(state, standing.replicas), step=step)
                checkpoints.save(state)
                raise Interrupted(number)
    return state


def _validate(
    held_out: Mapping[int, Mapping[str, float]],
    standing: Standing,
    require: Callable[[], None],
    log: MetricLog,
    *,
    epoch: int,
    step: int,
) -> None:
    """Records each replica's numbers on held-out data, unless they show that it diverged."""
    with together():
        require()
    numbers = {
        f"validation {name}": {r: np.array([values[name]]) for r, values in held_out.items()}
        for name in next(iter(held_out.values()))
    }
    standing.drop(non_finite_metrics(numbers, step, standing.replicas), step=step)
    for number, replica in standing.replicas.items():
        log.write(replica, epoch=epoch, step=step, split="validation", values=held_out[number])
