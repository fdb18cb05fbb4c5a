"""What a training will take, from its compiled program and a few of its steps, before it begins."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.stages import Compiled
from jaxtyping import PyTree

from jaxvae.train.feed import open_feed
from jaxvae.train.loop import CHUNK
from jaxvae.train.parallel import Parallel
from jaxvae.train.recipe import Recipe
from jaxvae.train.state import Player, Replica, TrainState
from jaxvae.train.turns import InTurn

_SECONDS = 2.0
"""For about how long steps are timed; one step at least."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a training will take.

    Attributes:
        parameters: of one replica, by the player that owns them.
        replicas: trained side by side.
        devices: how many.
        flops: operations of one step on each device, as XLA counts them in the compiled program; of all the replicas
            there.
        bytes_moved: what the operations of one step read and write on each device, likewise.
        memory: bytes on each device: states, training data, and what the steps need beside them.
        seconds: of one step of all replicas, measured.
        timed: how many steps were measured.
        epochs: passes over the data.
        steps_per_epoch: steps in each.
    """

    parameters: Mapping[str, int]
    replicas: int
    devices: int
    flops: float
    bytes_moved: float
    memory: int
    seconds: float
    timed: int
    epochs: int
    steps_per_epoch: int

    @property
    def total_seconds(self) -> float:
        """Of all steps, without compilation, validation and checkpoints."""
        return self.seconds * self.epochs * self.steps_per_epoch

    def __str__(self) -> str:
        each = f" on each of {self.devices} devices" if self.devices > 1 else ""
        owned = ", ".join(f"{name} {count:,}" for name, count in self.parameters.items())
        players = f" ({owned})" if len(self.parameters) > 1 else ""
        runs = f", in each of {self.replicas} replicas" if self.replicas > 1 else ""
        return "\n".join(
            [
                f"parameters   {sum(self.parameters.values()):,}{players}{runs}",
                f"a step       {_digits(self.flops / 1e9)} GFLOP and {_digits(self.bytes_moved / 1e6)} MB moved{each}",
                f"memory       {_digits(self.memory / 1e6)} MB{each}",
                f"time         {_digits(self.seconds)} s a step (mean of {self.timed}), {_clock(self.total_seconds)} "
                f"for {self.epochs:,} x {self.steps_per_epoch:,} steps, without validation and report",
            ]
        )


def estimate(
    replicas: Sequence[Replica],
    recipe: Recipe,
    *,
    parallel: Parallel | None = None,
    compiler_options: Mapping[str, Any] | None = None,
) -> Estimate:
    """Compiles a training's steps as `run` does, makes a few of them, and writes nothing.

    Args:
        replicas: as `run`.
        recipe: as `run`.
        parallel: as `run`.
        compiler_options: as `run`.

    Returns:
        What the training will take.

    Raises:
        ValueError: the devices refuse.
    """
    parallel, source = parallel or Parallel(), recipe.source
    parallel.check_replicas(len(replicas))
    recipe.check(parallel)
    program = parallel.compile_epoch(recipe.step, source, length=CHUNK, compiler_options=compiler_options)
    begin, arguments = recipe.begin(replicas)
    state: TrainState = parallel.place(begin(*arguments))
    parameters = {name: _count(state, player) // len(replicas) for name, player in recipe.players.items()}
    turns = len(replicas) // program.chunk.together if isinstance(program.chunk, InTurn) else 1
    waiting = _bytes(state) * (turns - 1) // turns
    stop = recipe.epochs * source.steps_per_epoch + CHUNK
    with open_feed(program, source, state, parallel=parallel, length=CHUNK, stop=stop) as feed:
        given = feed(state)
        compiled: Compiled = program.lower(state, *given, np.int32(1)).compile()
        seconds, timed = _timed(program.chunk, state, given)
    counted: Any = compiled.cost_analysis() or {}
    times = turns * recipe.accumulate  # XLA counts what a loop repeats once
    return Estimate(
        parameters=parameters,
        replicas=len(replicas),
        devices=parallel.total,
        flops=times * counted.get("flops", 0.0),
        bytes_moved=times * counted.get("bytes accessed", 0.0),
        memory=_memory(compiled) + waiting,
        seconds=seconds,
        timed=timed,
        epochs=recipe.epochs,
        steps_per_epoch=source.steps_per_epoch,
    )


def _timed(chunk: Callable[..., Any], state: TrainState, given: tuple[Any, PyTree]) -> tuple[float, int]:
    """Seconds a step, and over how many steps; the first one, which waits for what is made once, is not timed."""

    def steps(count: int) -> float:
        nonlocal state
        started = time.perf_counter()
        state, _ = jax.block_until_ready(chunk(state, *given, np.int32(count)))
        return time.perf_counter() - started

    steps(1)
    one = steps(1)
    count = max(1, min(CHUNK, int(_SECONDS / one)))
    return (one, 1) if count == 1 else (steps(count) / count, count)


def _memory(compiled: Compiled) -> int:
    memory: Any = compiled.memory_analysis()
    used = memory.argument_size_in_bytes + memory.temp_size_in_bytes
    return int(used + memory.output_size_in_bytes - memory.alias_size_in_bytes)


def _count(state: TrainState, player: Player) -> int:
    return sum(leaf.size for name in player.owns for leaf in jax.tree.leaves(state.params[name]))


def _bytes(state: TrainState) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(vars(state)))


def _digits(number: float) -> str:
    """Three of them at least."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{_digits(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h"
