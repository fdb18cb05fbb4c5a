"""An experiment's train program compiled for some devices, and one train step of it in numbers."""

import time
from dataclasses import dataclass
from typing import Any, TypedDict

import jax
import jax.numpy as jnp
from jax.stages import Compiled
from jaxtyping import PyTree

from benchmarks import counts, hlo, trainings
from benchmarks.counts import Collective
from benchmarks.processes import BenchmarkError
from benchmarks.targets import Target
from jaxvae import train


class Row(TypedDict):
    """One train step of a program, on one of its devices.

    Attributes:
        model: name of the training.
        platform: "tpu", "gpu" or "cpu".
        topology: of which the devices are a part.
        devices: how many share a batch.
        mode: "jit" or "pmap".
        replicas: trained side by side.
        precision: of matrix products.
        batch_size: examples in a step, over all devices.
        flops: operations; on a GPU those of matrix products and convolutions.
        bytes_accessed: what operations read and write.
        main_memory_bytes: the part of it that is not in a TPU's fast memory.
        argument_bytes: of state, data set and order.
        temporary_bytes: beside them, while the program runs.
        output_bytes: of what the program returns, without what lies in the place of an argument.
        memory_bytes: of the device.
        kernels: operations that run one after the other; on a GPU each is launched.
        kinds: the number of each kind among them.
        collectives: communication between devices.
        compile_seconds: that XLA took.
    """

    model: str
    platform: str
    topology: str
    devices: int
    mode: str
    replicas: int
    precision: str
    batch_size: int
    flops: float
    bytes_accessed: int
    main_memory_bytes: int
    argument_bytes: int
    temporary_bytes: int
    output_bytes: int
    memory_bytes: int
    kernels: int
    kinds: dict[str, int]
    collectives: dict[str, Collective]
    compile_seconds: float


@dataclass(frozen=True, kw_only=True)
class Built:
    """A compiled training.

    Attributes:
        job: the training.
        target: the devices that it is compiled for.
        compiled: its steps.
        program: the same, read.
        seconds: that XLA took.
    """

    job: trainings.Job
    target: Target
    compiled: Compiled
    program: hlo.Program
    seconds: float


def build(job: trainings.Job, target: Target) -> Built:
    """Compiles the steps of a training as `jaxvae.train.run` does.

    Args:
        job: the training.
        target: its devices.

    Returns:
        The program, which cannot run where its devices are absent.

    Raises:
        BenchmarkError: XLA refuses it, such as one that needs more memory than the device has.
    """
    training, experiment = job.training, job.experiment
    parallel = experiment.parallel
    program = parallel.compile_epoch(
        experiment.recipe(training).step,
        job.source,
        length=train.CHUNK,
        compiler_options=experiment.layout.compiler_options,
    )
    lowered = program.lower(*parallel.shapes(_arguments(job, program)))
    started = time.perf_counter()
    try:
        compiled = lowered.compile(compiler_options=dict(target.compiler_options) or None)
    except jax.errors.JaxRuntimeError as error:
        where = f"{parallel.devices} of {target.topology}"
        raise BenchmarkError(f"{experiment.name} on {where}: {str(error).splitlines()[0]}") from None
    seconds = time.perf_counter() - started
    return Built(
        job=job,
        target=target,
        compiled=compiled,
        program=hlo.parse(compiled.as_text() or ""),
        seconds=seconds,
    )


def _arguments(job: trainings.Job, program: train.Program) -> PyTree:
    """State, order, examples and number of steps; of the state and its order only the shapes."""
    training, source = job.training, job.source

    def start() -> dict[str, Any]:
        state = train.init_replicas(job.replicas, training.init, training.players, ema=training.ema_decay > 0)
        return vars(state)

    state = train.TrainState(**jax.eval_shape(start))
    return state, jax.eval_shape(program.rows, state.key, state.step), source.arrays, jnp.int32(1)


def row(model: str, built: Built) -> Row:
    """One train step in numbers.

    Args:
        model: name of the training.
        built: its program.

    Returns:
        The row. What the program does once for all its steps, such as copies of its arguments, is not in it.
    """
    program, target, experiment = built.program, built.target, built.job.experiment
    memory: Any = built.compiled.memory_analysis()
    found = counts.kinds(program, program.step)
    return {
        "model": model,
        "platform": target.platform,
        "topology": target.topology,
        "devices": experiment.parallel.devices,
        "mode": experiment.parallel.mode,
        "replicas": len(built.job.replicas),
        "precision": experiment.config.precision,
        "batch_size": built.job.source.batch_size,
        "flops": _flops(built),
        "bytes_accessed": counts.bytes_accessed(program, program.step),
        "main_memory_bytes": counts.bytes_accessed(program, program.step, main_memory=True),
        "argument_bytes": memory.argument_size_in_bytes,
        "temporary_bytes": memory.temp_size_in_bytes,
        "output_bytes": memory.output_size_in_bytes - memory.alias_size_in_bytes,
        "memory_bytes": target.chip.memory,
        "kernels": sum(found.values()),
        "kinds": found,
        "collectives": counts.collectives(program, program.step),
        "compile_seconds": round(built.seconds, 1),
    }


def _flops(built: Built) -> float:
    """As XLA counts them, a loop's body once; for an absent GPU, where it counts nothing, as the text shows them."""
    program, analysis = built.program, built.compiled.cost_analysis()
    if not analysis:
        return counts.product_flops(program, program.step)
    repeated: float = program.turns * built.job.experiment.config.accumulate
    return repeated * analysis["flops"]
