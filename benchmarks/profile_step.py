"""Where the time of a train step on a CPU goes: each layer and loss term, forward and backward.

    python -m benchmarks.profile_step --model ladder

The program that an experiment would train by is run under JAX's profiler. Each of its operations is timed, and
attributed to the layer or the loss term that it was made of; bytes are what it reads and writes, the floor is the time
of its matrix products at the highest rate measured. Operations may run side by side, and being watched takes time, so
that they add up to more than a step.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from benchmarks import hlo, layers
from benchmarks.contestants import Contestant
from benchmarks.launch import launch
from benchmarks.networks import make_game, make_images, make_model
from benchmarks.ours import matmul_rate, training
from benchmarks.rows import SIZES
from benchmarks.tables import grid
from benchmarks.workloads import WORKLOADS, Workload
from jaxvae import train

SCOPES = ("batch", "latents", "slopes", "norm of the gradient", "update")
"""Names that jaxvae gives to what is neither a layer nor a loss term."""

_RATES = 3


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    model: Literal["ladder", "conv", "horses", "aae", "vaegan", "vaegan_penalty"] = "ladder"
    """What is trained."""

    batch_size: int | None = None
    """Examples in a step; the model's usual number if not given."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Of matrix products."""

    steps: int = 50
    """Train steps that are watched."""

    def check(self) -> None:
        """Refuses flags that cannot be measured.

        Raises:
            ValueError: a number below 1, more steps than a call has, or a device that is no CPU.
        """
        if min(1 if self.batch_size is None else self.batch_size, self.steps) < 1:
            raise ValueError("batch_size and steps must be at least 1.")
        if self.steps > train.CHUNK:
            raise ValueError(f"steps must be at most {train.CHUNK}, those of one call, got {self.steps}.")
        if jax.default_backend() != "cpu":
            raise ValueError(
                f"only a CPU's operations have the names that this needs, got {jax.default_backend()}; "
                "set JAX_PLATFORMS=cpu."
            )


def parts(params: PyTree, workload: Workload, precision: str) -> set[str]:
    """Names that operations are attributed to.

    Args:
        params: of the model.
        workload: what is trained.
        precision: of matrix products.

    Returns:
        Names of the layers, of the loss terms, and `SCOPES`.
    """
    paths = [path[:-1] for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    terms = (
        workload.weights if workload.game is None else make_game(workload, make_model(workload, precision))[0]
    )
    return {str(key.key) for path in paths for key in path} | set(terms) | set(SCOPES)


def durations(folder: Path, names: Iterable[str]) -> dict[str, float]:
    """Times of operations in a profile.

    Args:
        folder: where `jax.profiler.trace` wrote it.
        names: of the operations.

    Returns:
        Milliseconds by name, all runs together, each from its start to its end.
    """
    (file,) = folder.rglob("*.xplane.pb")
    profile = jax.profiler.ProfileData.from_file(str(file))
    starts: dict[str, list[float]] = defaultdict(list)
    ends: dict[str, list[float]] = defaultdict(list)
    for event in (event for plane in profile.planes for line in plane.lines for event in line.events):
        # What other threads go on with ends in an event of its own.
        if event.name.startswith("end: "):
            ends[event.name.removeprefix("end: ")].append(event.start_ns)
        else:
            starts[event.name].append(event.start_ns)
    return {
        name: sum(np.array(sorted(ends[name])) - np.array(sorted(starts[name]))) / 1e6
        for name in names
        if len(starts[name]) == len(ends[name])
    }


def main(config: Config) -> None:
    """Measures and prints.

    Args:
        config: the flags.
    """
    config.check()
    workload = WORKLOADS[config.model]
    contestant = Contestant(
        side="ours",
        model=config.model,
        batch_size=config.batch_size or workload.batch_size,
        precision=config.precision,
        device="cpu",
        threads=1,
    )
    setup = training(contestant, make_images(workload))
    names = parts(setup.state.params, workload, config.precision)
    order, arrays = (
        setup.program.order(setup.state.key, setup.state.step),
        setup.parallel.place(setup.source.arrays),
    )
    steps = setup.program.lower(setup.state, order, arrays, jnp.int32(1)).compile()
    state, _ = jax.block_until_ready(steps(setup.state, order, arrays, jnp.int32(config.steps)))
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            jax.block_until_ready(steps(state, order, arrays, jnp.int32(config.steps)))
        found = layers.costs(hlo.parse(steps.as_text() or ""), names)
        times = durations(Path(folder), [cost.name for cost in found])
    rate = max(matmul_rate(config.precision, "cpu", size, _RATES) for size in SIZES["cpu"])
    print(grid(layers.table(found, {name: ms / config.steps for name, ms in times.items()}, rate)))
    print(f"\nMatrix products run at {rate / 1e9:.0f} GFLOP/s at most.")


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
