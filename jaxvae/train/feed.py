"""How the examples of each chunk of steps come to the devices: they lie there, or are loaded ahead of the steps."""

import dataclasses
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
"""`state -> (order, arrays)`: what the next call of a program's `chunk` takes besides the state and the count."""


@runtime_checkable
class Windowed(Source, Protocol):
    """A source of which the devices hold the examples of a few steps, as `jaxvae.data.Streamed` is one."""

    def window(
        self, rows: Int32[np.ndarray, "r given batch"], *, steps: int
    ) -> tuple[Int32[np.ndarray, "r steps batch"], PyTree]:
        """Rows of steps that begin with those given, and the arrays that they number, in main memory."""
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
    """Opens the way of a source's examples to the devices.

    A source without windows is put there whole. Of one with windows a thread loads the next window, across epochs
    too, while the steps of the present one run. Both follow from the state's key and step alone.

    Args:
        program: compiled for the source.
        source: the data.
        state: of all replicas, before the first of the steps.
        place: puts arrays on the devices.
        length: most steps in a call of `program.chunk`; calls end at its multiples within an epoch.
        stop: number of the step before which training ends.

    Returns:
        A context whose value is the feed, to be called once before each call of `program.chunk`, with the state that
        the chunk gets.
    """
    if not isinstance(source, Windowed):
        yield _held(program, source, place(source.arrays))
        return
    windows = _windows(program, source, state, length=min(length, source.steps_per_epoch), stop=stop)

    # Behind the last window this raises StopIteration in a future that nobody asks.
    def load() -> tuple[Int[Array, "r steps batch"], PyTree]:
        return jax.block_until_ready(place(next(windows)))

    with ThreadPoolExecutor(1, thread_name_prefix="windows") as pool:
        ahead = pool.submit(load)

        def feed(state: TrainState) -> tuple[Int[Array, "r steps batch"], PyTree]:
            nonlocal ahead
            window, ahead = ahead.result(), pool.submit(load)
            return window

        yield feed


def _held(program: Program, source: Source, arrays: PyTree) -> Feed:
    epoch, order = -1, jnp.empty((0, 0, 0), jnp.int32)

    def feed(state: TrainState) -> tuple[Int[Array, "r steps batch"], PyTree]:
        nonlocal epoch, order
        now = int(np.ravel(state.step)[0]) // source.steps_per_epoch
        if now != epoch:
            epoch, order = now, program.order(state)
        return order, arrays

    return feed


def _windows(
    program: Program, source: Windowed, state: TrainState, *, length: int, stop: int
) -> Iterator[tuple[np.ndarray, PyTree]]:
    """The windows from the state's step on, each with room for `length` steps."""
    step, per_epoch = int(np.ravel(state.step)[0]), source.steps_per_epoch
    # The steps donate the state while its key is still needed here, so a copy of that is kept.
    data = np.array(jax.random.key_data(state.key))
    position = dataclasses.replace(
        state,
        key=jax.random.wrap_key_data(jnp.asarray(data), impl=jax.random.key_impl(state.key)),
        params={},
        model_state={},
        opt_state={},
        ema=None,
        hyper={},
    )

    def draw(epoch: int) -> Array:
        return program.order(
            dataclasses.replace(position, step=jnp.full(len(data), epoch * per_epoch, jnp.int32))
        )

    coming = draw(step // per_epoch)
    while step < stop:
        epoch, inside = divmod(step, per_epoch)
        # Drawn an epoch early: the device does it before the last chunk, for which nothing then has to wait.
        order, coming = np.asarray(coming), draw(epoch + 1)
        for first in range(inside - inside % length, per_epoch, length):
            yield source.window(order[:, first : first + length], steps=length)
        step = (epoch + 1) * per_epoch
