"""Our side of a benchmark: the path that an experiment's training takes, from the resident data set to the metrics."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from benchmarks.contestants import QUEUED, Contestant
from benchmarks.networks import make_model, make_play, make_source
from benchmarks.workloads import WORKLOADS, Workload
from jaxvae import data, models, train

_PRECISION = {"float32": "highest", "tensorfloat32": "tensorfloat32"}


class Training(NamedTuple):
    """Everything that training needs.

    Attributes:
        parallel: the devices.
        program: steps, in chunks of `jaxvae.train.CHUNK`.
        source: of the batches.
        replicas: the trained replicas.
        state: of the replicas, before the first step.
    """

    parallel: train.Parallel
    program: train.Program
    source: data.Source
    replicas: Sequence[train.Replica]
    state: train.TrainState


def training(
    contestant: Contestant,
    images: np.ndarray,
    workload: Workload | None = None,
    *,
    streamed: bool = False,
) -> Training:
    """Builds a training as an experiment does.

    Args:
        contestant: model and settings of the training.
        images: uint8, [n, height, width, channels].
        workload: in place of the one that the contestant names.
        streamed: whether the device holds the images of a few steps only.

    Returns:
        The training, with Adam of a constant learning rate.
    """
    if contestant.device != "cpu":
        jax.config.update("jax_default_matmul_precision", _PRECISION.get(contestant.precision))
    workload = workload or WORKLOADS[contestant.model]
    model = make_model(workload, contestant.precision)
    source = make_source(images, contestant.batch_size, streamed=streamed)
    loss, players = make_play(workload, model, models.standard_priors(model))
    parallel = train.Parallel()
    program = parallel.compile_epoch(
        train.make_step(loss, players),
        source,
        length=train.CHUNK,
        compiler_options=model.layout.compiler_options,
    )
    replicas = [train.Replica("ours", seed, {}) for seed in range(contestant.replicas)]
    state = parallel.place(train.init_replicas(replicas, partial(models.init, model=model), players))
    return Training(parallel, program, source, replicas, state)


class Ours:
    """Trains in chunks of `jaxvae.train.CHUNK` steps, as `jaxvae.train.fit` does.

    Args:
        contestant: model and settings of the training.
        images: uint8, [n, height, width, channels].
        workload: in place of the one that the contestant names.
    """

    def __init__(self, contestant: Contestant, images: np.ndarray, workload: Workload | None = None) -> None:
        parallel, self._program, source, _, self._state = training(contestant, images, workload)
        self._place = parallel.place
        self._arrays: PyTree = parallel.place(source.arrays)
        self._per_epoch, self._step = source.steps_per_epoch, 0

    def run(self, steps: int) -> float:
        """Trains.

        Args:
            steps: number of steps of every replica.

        Returns:
            Seconds, up to the moment when the metrics are in main memory.
        """
        self._losses = []
        started = time.perf_counter()
        while steps:
            count = min(train.CHUNK, steps, self._per_epoch - self._step % self._per_epoch)
            if self._step % self._per_epoch == 0:
                self._order = self._place(self._program.order(self._state.key, self._state.step))
            self._state, history = self._program.chunk(
                self._state, self._order, self._arrays, jnp.int32(count)
            )
            self._losses.append(jax.device_get(history)["loss"][0, :count])
            self._step += count
            steps -= count
        return time.perf_counter() - started

    @property
    def loss(self) -> float:
        """Of the first replica, mean over the steps of the last run."""
        return float(np.concatenate(self._losses).mean())

    def peak_memory(self) -> int | None:
        """Most bytes in use on an accelerator so far; None if the device uses main memory."""
        statistics = jax.devices()[0].memory_stats() or {}
        return statistics.get("peak_bytes_in_use")


def matmul_rate(precision: str, device: str, size: int, repeats: int) -> float:
    """Best rate of a square matrix product.

    Args:
        precision: of its operands.
        device: "cpu", "gpu" or "tpu".
        size: rows and columns.
        repeats: number of timings.

    Returns:
        Floating point operations per second.
    """
    dtype = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
    rng = np.random.default_rng(0)
    a, b = (jnp.asarray(rng.normal(size=(size, size)), dtype) for _ in range(2))
    chosen: Any = None if device == "cpu" else _PRECISION.get(precision)
    product = jax.jit(lambda a, b: jnp.matmul(a, b, precision=chosen, preferred_element_type=jnp.float32))
    jax.block_until_ready(product(a, b))
    seconds, queued = [], QUEUED[device]
    for _ in range(repeats):
        started = time.perf_counter()
        jax.block_until_ready([product(a, b) for _ in range(queued)])
        seconds.append((time.perf_counter() - started) / queued)
    return 2 * size**3 / min(seconds)
