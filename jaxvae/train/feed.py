"""Feeds each chunk of steps with its examples: all held on the devices, or loaded ahead of the steps."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PyTree

from jaxvae.train.parallel import Parallel
from jaxvae.train.program import Program, local
from jaxvae.train.source import Source, Windowed
from jaxvae.train.state import TrainState

Feed: TypeAlias = Callable[[TrainState], tuple[Int[Array, "r steps batch"], PyTree]]
"""`state -> (order, arrays)`: arguments of the next call of a program's `chunk`."""


@contextmanager
def open_feed(
    program: Program,
    source: Source,
    state: TrainState,
    *,
    parallel: Parallel,
    length: int,
    stop: int,
) -> Iterator[Feed]:
    """Opens a feed of a source's examples to the devices.

    A source without windows is placed on the devices as a whole. If it has windows, a thread loads the next window,
    also across epochs, while the steps of the current one run. Both depend only on the state's key and step.

    Args:
        program: compiled for the source.
        source: the training data.
        state: of all replicas, before the first step.
        parallel: the devices.
        length: largest number of steps in a call of `program.chunk`; calls end at its multiples within an epoch.
        stop: number of steps after which training ends.

    Returns:
        A context manager whose value is the feed. Call the feed once before each call of `program.chunk`, with the
        same state.
    """
    if not isinstance(source, Windowed):
        yield _resident_feed(program, source, parallel)
        return
    length = min(length, source.steps_per_epoch)
    windows = _windows(program, source, state, length=length, stop=stop)

    # After the last window this raises StopIteration in a future whose result is never read.
    def load() -> tuple[Int[Array, "r steps batch"], PyTree]:
        return jax.block_until_ready(parallel.place_window(source, next(windows), steps=length))

    with ThreadPoolExecutor(1, thread_name_prefix="windows") as pool:
        ahead = pool.submit(load)

        def feed(state: TrainState) -> tuple[Int[Array, "r steps batch"], PyTree]:
            nonlocal ahead
            window, ahead = ahead.result(), pool.submit(load)
            return window

        yield feed


def _resident_feed(program: Program, source: Source, parallel: Parallel) -> Feed:
    arrays, epoch = parallel.place(source.arrays), -1
    order: Int[Array, "r steps batch"]

    def feed(state: TrainState) -> tuple[Int[Array, "r steps batch"], PyTree]:
        nonlocal epoch, order
        current = int(np.ravel(state.step)[0]) // source.steps_per_epoch
        if current != epoch:
            epoch, order = current, parallel.place(program.order(state.key, state.step))
        return order, arrays

    return feed


def _windows(
    program: Program, source: Windowed, state: TrainState, *, length: int, stop: int
) -> Iterator[np.ndarray]:
    """Rows of the windows from the state's step on, each of up to `length` steps."""
    step, per_epoch = int(np.ravel(state.step)[0]), source.steps_per_epoch
    # The steps donate the state while its key is still needed here, hence the copy.
    data = np.array(jax.random.key_data(local(state.key)))
    key = jax.random.wrap_key_data(jnp.asarray(data), impl=jax.random.key_impl(state.key))
    while step < stop:
        epoch, inside = divmod(step, per_epoch)
        order = program.order(key, np.full(len(data), epoch * per_epoch, np.int32))
        for first in range(inside - inside % length, per_epoch, length):
            yield order[:, first : first + length]
        step = (epoch + 1) * per_epoch
