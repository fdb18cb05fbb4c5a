"""Where the time of a train step goes: by loss term and by part of the model.

    python -m benchmarks.profile_step --model ladder

Programs with and without a part take turns in one process, in random order; a part's time is the median of their
differences. The programs train in chunks, as an experiment does.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

import jax
import numpy as np
from tqdm import tqdm

from benchmarks.contestants import Contestant
from benchmarks.launch import launch
from benchmarks.networks import make_images
from benchmarks.ours import Ours
from benchmarks.parts import Timer, parts
from benchmarks.tables import grid
from benchmarks.workloads import WORKLOADS, Workload


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    model: Literal["ladder", "conv", "horses", "vaegan", "vaegan_penalty"] = "ladder"
    """What is trained."""

    batch_size: int | None = None
    """Examples in a step; the model's usual number if not given."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Of matrix products."""

    rounds: int = 9
    """Number of rounds, in each of which everything is timed once."""

    steps: int = 20
    """Train steps in a turn."""

    def check(self) -> None:
        """Refuses flags that cannot be measured.

        Raises:
            ValueError: a number below 1.
        """
        if min(1 if self.batch_size is None else self.batch_size, self.rounds, self.steps) < 1:
            raise ValueError("batch_size, rounds and steps must be at least 1.")


def timers(config: Config) -> dict[str, Timer]:
    """Everything that is timed, by name.

    Args:
        config: the flags.

    Returns:
        The "whole step", the step without each term that can be left out, and the parts "gather", "encoder" and
        "decoder" alone, of a VAE-GAN also the "discriminator".
    """
    workload = WORKLOADS[config.model]
    batch_size = config.batch_size or workload.batch_size
    contestant = Contestant(
        side="ours",
        model=config.model,
        batch_size=batch_size,
        precision=config.precision,
        device=jax.default_backend(),
        threads=1,
    )
    images = make_images(workload)
    found: dict[str, Timer] = {"whole step": Ours(contestant, images).run}
    for name, without in reduced(workload).items():
        found[f"without {name}"] = Ours(contestant, images, without).run
    return found | parts(workload, batch_size, config.precision)


def reduced(workload: Workload) -> dict[str, Workload]:
    """A workload without one of its terms.

    Args:
        workload: what is trained.

    Returns:
        By the name of the missing term: each of them, of a game the gradient penalty alone.
    """
    found = {}
    for name in workload.weights:
        weights = {key: weight for key, weight in workload.weights.items() if key != name}
        if name == "reconstruction":  # with nothing in its place the decoder would have no gradient
            weights["square"] = 1.0
        found[name] = replace(workload, weights=weights)
    if workload.game is not None and workload.game.penalty:
        found["gradient_penalty"] = replace(workload, game=replace(workload.game, penalty=0.0))
    return found


def shares(times: dict[str, list[float]]) -> list[tuple[str, ...]]:
    """Milliseconds and share of the whole step, part by part.

    Args:
        times: milliseconds of a step in every round, by timer.

    Returns:
        Lines of a table, its head first.
    """
    whole = np.asarray(times["whole step"])
    lines: list[tuple[str, ...]] = [("part", "ms", "share")]
    for name, samples in times.items():
        own = np.asarray(samples)
        label = name
        if name.startswith("without "):
            label, own = f"loss: {name.removeprefix('without ')}", whole - own
        lines.append((label, f"{np.median(own):.2f}", f"{100 * np.median(own / whole):.1f} %"))
    return lines


def main(config: Config) -> None:
    """Measures and prints.

    Args:
        config: the flags.
    """
    config.check()
    found = timers(config)
    for timer in tqdm(found.values(), desc="compiling"):
        timer(1)
    times: dict[str, list[float]] = {name: [] for name in found}
    random = Random(0)
    for _ in tqdm(range(config.rounds), desc="rounds"):
        for name in random.sample(list(found), len(found)):
            times[name].append(1e3 * found[name](config.steps) / config.steps)
    print(grid(shares(times)))


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
