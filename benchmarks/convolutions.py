"""Time of one convolution, value and gradients, inside a compiled loop: as matrix products, as XLA's own, in PyTorch.

    python -m benchmarks.convolutions

takes two minutes on two CPU cores; other devices are not measured. `jaxvae.models.layout` is chosen by the result: on
CPU, XLA's own gradient with respect to a kernel takes many times as long as all three products together, whatever the
kernel's size and stride.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from jax import Array, lax
from tqdm import tqdm

from benchmarks.launch import launch
from benchmarks.tables import grid
from jaxvae import models
from jaxvae.models.layouts import LAYOUTS
from jaxvae.models.layouts.geometry import conv_padding


class Shape(NamedTuple):
    """A convolution with padding "SAME"."""

    channels: int
    size: int
    features: int
    kernel: int
    stride: int


SHAPES = (
    Shape(32, 14, 64, 4, 2),
    Shape(64, 24, 128, 4, 2),
    Shape(32, 14, 64, 3, 2),
    Shape(64, 14, 64, 3, 1),
    Shape(64, 14, 64, 5, 1),
    Shape(64, 14, 64, 1, 1),
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags."""

    batch_size: int = 64
    """Images."""

    repeats: int = 3
    """Number of timings of each; the quickest counts."""

    loops: int = 4
    """Convolutions in a timed loop."""

    def check(self) -> None:
        """Refuses flags that cannot be measured.

        Raises:
            ValueError: a number below 1.
        """
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}.")


def _seconds(run: Callable[[], object], config: Config) -> float:
    run()
    samples = []
    for _ in range(config.repeats):
        started = time.perf_counter()
        run()
        samples.append(time.perf_counter() - started)
    return min(samples) / config.loops


def ours(shape: Shape, name: str, config: Config) -> float:
    """Seconds in a layout.

    Args:
        shape: the convolution.
        name: of the layout.
        config: the flags.

    Returns:
        Of the value and both gradients.
    """
    layout = models.layout(name)
    square, stride = (shape.kernel, shape.kernel), (shape.stride, shape.stride)
    padding = conv_padding((shape.size, shape.size), square, stride, "SAME")
    rng = np.random.default_rng(0)
    images = rng.normal(size=(config.batch_size, shape.size, shape.size, shape.channels))
    x = layout.enter(jax.numpy.asarray(images, "float32"))
    kernel = jax.numpy.asarray(rng.normal(size=(*square, shape.channels, shape.features)), "float32")

    def body(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        y, pullback = jax.vjp(lambda x, kernel: layout.conv(x, kernel, stride, padding), *carry)
        dx, dkernel = pullback(y)
        return carry[0] + 1e-9 * dx, carry[1] + 1e-9 * dkernel

    loop = jax.jit(
        lambda x, kernel: lax.fori_loop(0, config.loops, body, (x, kernel)),
        compiler_options=dict(layout.compiler_options),
    )
    return _seconds(lambda: jax.block_until_ready(loop(x, kernel)), config)


def opponent(shape: Shape, config: Config) -> float | None:
    """Seconds in PyTorch, channels last.

    Args:
        shape: the convolution.
        config: the flags.

    Returns:
        Of the value and both gradients; None if PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        return None
    x, kernel = (
        torch.randn(*axes).to(memory_format=torch.channels_last).requires_grad_()
        for axes in (
            (config.batch_size, shape.channels, shape.size, shape.size),
            (shape.features, shape.channels, shape.kernel, shape.kernel),
        )
    )

    def run() -> None:
        for _ in range(config.loops):
            y = torch.nn.functional.conv2d(x, kernel, stride=shape.stride, padding=(shape.kernel - 1) // 2)
            torch.autograd.grad(y, (x, kernel), y.detach())

    return _seconds(run, config)


def main(config: Config) -> None:
    """Measures and prints.

    Args:
        config: the flags.
    """
    config.check()
    lines: list[tuple[str, ...]] = [("convolution", *(f"{name} ms" for name in LAYOUTS), "PyTorch ms")]
    for shape in tqdm(SHAPES, unit="shape"):
        images = f"{shape.size}x{shape.size}x{shape.channels} -> {shape.features}"
        label = f"{images}, kernel {shape.kernel}, stride {shape.stride}"
        with jax.default_device(jax.devices("cpu")[0]):
            seconds = [*(ours(shape, name, config) for name in LAYOUTS), opponent(shape, config)]
        lines.append((label, *("-" if s is None else f"{1e3 * s:.2f}" for s in seconds)))
    print(grid(lines))


if __name__ == "__main__":
    launch(main, Config(), description=__doc__)
