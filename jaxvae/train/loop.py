"""The training loop: chunks of steps, progress, records, evaluation, checkpoints, and an orderly stop."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from jaxvae.train.checkpoint import Checkpoints
from jaxvae.train.feed import Feed
from jaxvae.train.log import MetricLog
from jaxvae.train.parallel import Program, Source
from jaxvae.train.state import Replica, TrainState
from jaxvae.types import RunStopped

CHUNK = 50
"""Steps in one dispatch: the progress bar moves, and a signal is heard, this often."""


_REMEDY = (
    "the last good checkpoint is kept. Start again with a lower learning rate or clipped gradients, in another "
    "--workdir or with --overwrite."
)


class NonFiniteError(RunStopped):
    """A loss term or gradient became infinite or NaN."""


class Interrupted(RunStopped):
    """A signal asked the run to stop; its state is saved."""

    def __init__(self, number: int) -> None:
        name = signal.Signals(number).name
        super().__init__(f"stopped by {name}; the state is saved.", status=128 + number, resumable=True)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM instead of dying from them; a second one kills as usual."""
    caught: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM)

    def note(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, before[signal.Signals(number)])

    before = {kind: signal.signal(kind, note) for kind in kinds}
    try:
        yield caught
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def check_finite(
    metrics: Mapping[str, Float[np.ndarray, "r k"]], first: int, replicas: Sequence[Replica]
) -> None:
    """Looks for the first step at which a number went wrong.

    Args:
        metrics: every term of every replica at every step.
        first: number of the first of these steps.
        replicas: in the order of the leading axis.

    Raises:
        NonFiniteError: names step, terms and replica.
    """
    bad = {name: ~np.isfinite(values) for name, values in metrics.items() if not name.endswith("_weighted")}
    steps = np.any([wrong.any(axis=0) for wrong in bad.values()], axis=0)
    if not steps.any():
        return
    at = int(np.argmax(steps))
    for number, replica in enumerate(replicas):
        terms = [name for name, wrong in bad.items() if wrong[number, at]]
        if terms:
            value = metrics[terms[0]][number, at]
            raise NonFiniteError(
                f"{', '.join(terms)} became {value} at step {first + at} in replica '{replica}'; {_REMEDY}"
            )


def check_state(state: TrainState, replicas: Sequence[Replica]) -> None:
    """Looks for parameters and statistics that the last update left infinite or NaN.

    Args:
        state: of all replicas.
        replicas: in the order of the leading axis.

    Raises:
        NonFiniteError: names array, step and replica.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(jax.device_get((state.params, state.model_state))):
        for number, replica in enumerate(replicas):
            if not np.isfinite(leaf[number]).all():
                name = jax.tree_util.keystr(path[1:], simple=True, separator="/")
                step = int(state.step[number])
                raise NonFiniteError(
                    f"{name} is not finite after step {step} in replica '{replica}'; {_REMEDY}"
                )


def fit(
    state: TrainState,
    program: Program,
    source: Source,
    feed: Feed,
    *,
    epochs: int,
    replicas: Sequence[Replica],
    evaluate: Callable[[TrainState], Sequence[Mapping[str, float]]],
    checkpoints: Checkpoints,
    log: MetricLog,
) -> TrainState:
    """Trains until `epochs` epochs are done, from wherever the state is.

    After each epoch every replica is evaluated and the state saved. A signal (SIGINT, SIGTERM) is heard
    between chunks.

    Args:
        state: of all replicas; donated.
        program: compiled steps, for at most `CHUNK` at a time.
        source: the data that it was compiled for.
        feed: the source's examples on the devices, from the state's step on.
        epochs: in all, those behind the state counted in.
        replicas: in the order of the state's leading axis.
        evaluate: numbers of each replica on held-out data.
        checkpoints: where states are saved.
        log: where numbers are recorded.

    Returns:
        The state after the last epoch.

    Raises:
        NonFiniteError: a loss term, a gradient or a number on held-out data is not finite.
        Interrupted: a signal came; the state has been saved.
    """
    per_epoch, step = source.steps_per_epoch, int(np.ravel(state.step)[0])
    images = source.batch_size * len(replicas)
    bar = tqdm(
        total=epochs * per_epoch * images, initial=step * images, unit="img", unit_scale=True, smoothing=0.05
    )
    with bar, _signals() as caught:
        while step < epochs * per_epoch:
            epoch = step // per_epoch + 1
            bar.set_description(f"epoch {epoch}/{epochs}")
            count = min(CHUNK - step % per_epoch % CHUNK, epoch * per_epoch - step)
            state, history = program.chunk(state, *feed(state), jnp.int32(count))
            values_at = {
                name: np.asarray(values)[:, :count] for name, values in jax.device_get(history).items()
            }
            check_finite(values_at, step, replicas)
            step += count
            means = [{n: float(v[r].mean()) for n, v in values_at.items()} for r in range(len(replicas))]
            for replica, values in zip(replicas, means, strict=True):
                log.write(replica, epoch=epoch, step=step, split="train", values=values)
            bar.set_postfix_str("loss " + "/".join(f"{values['loss']:.4g}" for values in means))
            bar.update(count * images)
            if step == epoch * per_epoch:
                bar.set_postfix_str(f"{bar.postfix}, evaluating")
                check_state(state, replicas)
                held_out = evaluate(state)
                numbers = {n: np.array([[float(each[n])] for each in held_out]) for n in held_out[0]}
                check_finite({f"validation {n}": v for n, v in numbers.items()}, step, replicas)
                for replica, each in zip(replicas, held_out, strict=True):
                    log.write(replica, epoch=epoch, step=step, split="validation", values=each)
                checkpoints.save(state)
            if caught:
                check_state(state, replicas)
                checkpoints.save(state)
                raise Interrupted(caught[0])
    return state
