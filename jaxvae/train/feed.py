"""Feeds each chunk of steps with its examples: all held on the devices, or loaded ahead of the steps."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Int32, PyTree

from jaxvae.train.parallel import Program, Source
from jaxvae.train.state import TrainState

Feed: TypeAlias = Callable[[TrainState], tuple[Int[Array, "r steps batch"], PyTree]]
"""`state -> (order, arrays)`: arguments of the next call of a program's `chunk`."""


@runtime_checkable
class Windowed(Source, Protocol):
    """A source whose examples are on the devices for a few steps at a time, such as `jaxvae.data.Streamed`."""

    def window(
        self, rows: Int32[np.ndarray, "r _ batch"], *, steps: int
    ) -> tuple[Int32[np.ndarray, "r steps batch"], PyTree]:
        """Loads the examples of up to `steps` rows; returns their arrays in main memory, and rows that index these."""
        ...


@contextmanager
def open_feed(
    program: Program,
    source: Source,
    state: TrainState,
    *,
    place: Callable[[PyTree], PyTree],
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
        place: puts arrays on the devices.
        length: largest number of steps in a call of `program.chunk`; calls end at its multiples within an epoch.
        stop: number of steps after which training ends.

    Returns:
        A context manager whose value is the feed. Call the feed once before each call of `program.chunk`, with the
        same state.
    """
    if not isinstance(source, Windowed):
        yield _resident_feed(program, source, place)
        return
    windows = _windows(program, source, state, length=min(length, source.steps_per_epoch), stop=stop)

    # After the last window this raises StopIteration in a future whose result is never read.
    def load() -> tuple[Int[Array, "r steps batch"], PyTree]:
        return jax.block_until_ready(place(next(windows)))

    with ThreadPoolExecutor(1, thread_name_prefix="windows") as pool:
        ahead = pool.submit(load)

        def feed(state: TrainState) -> tuple[Int[Array, "r steps batch"], PyTree]:
            nonlocal ahead
            window, ahead = ahead.result(), pool.submit(load)
            return window

        yield feed


def _resident_feed(program: Program, source: Source, place: Callable[[PyTree], PyTree]) -> Feed:
    arrays, epoch = place(source.arrays), -1
    order: Int[Array, "r steps batch"]

    def feed(state: TrainState) -> tuple[Int[Array, "r steps batch"], PyTree]:
        nonlocal epoch, order
        current = int(np.ravel(state.step)[0]) // source.steps_per_epoch
        if current != epoch:
            epoch, order = current, place(program.order(state.key, state.step))
        return order, arrays

    return feed


def _windows(
    program: Program, source: Windowed, state: TrainState, *, length: int, stop: int
) -> Iterator[tuple[np.ndarray, PyTree]]:
    """Windows from the state's step on, each for up to `length` steps."""
    step, per_epoch = int(np.ravel(state.step)[0]), source.steps_per_epoch
    # The steps donate the state while its key is still needed here, hence the copy.
    data = np.array(jax.random.key_data(state.key))
    key = jax.random.wrap_key_data(jnp.asarray(data), impl=jax.random.key_impl(state.key))
    while step < stop:
        epoch, inside = divmod(step, per_epoch)
        order = program.order(key, np.full(len(data), epoch * per_epoch, np.int32))
        for first in range(inside - inside % length, per_epoch, length):
            yield source.window(order[:, first : first + length], steps=length)
        step = (epoch + 1) * per_epoch
