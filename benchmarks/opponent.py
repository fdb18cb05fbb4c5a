"""PyTorch's side of a benchmark: the twin, trained as PyTorch's documentation recommends for speed."""

import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.contestants import QUEUED, Contestant
from benchmarks.feeds import loaded, resident
from benchmarks.game_twins import GameTwin
from benchmarks.twin_base import Result
from benchmarks.twin_losses import Objective
from benchmarks.twins import make_twin
from benchmarks.workloads import WORKLOADS

READ_EVERY = 50
"""Steps after which the loss is read, as our side does."""


class Opponent:
    """Trains the twin, one step at a time.

    Args:
        contestant: model and settings of the training.
        images: uint8, [n, height, width, channels].
        synchronize: waits for the device; by default what the device needs.
    """

    def __init__(
        self,
        contestant: Contestant,
        images: np.ndarray,
        *,
        synchronize: Callable[[], None] | None = None,
    ) -> None:
        torch.set_flush_denormal(True)  # as XLA does; inherited by the threads that start from here on
        torch.set_num_threads(contestant.threads)
        torch.backends.cudnn.benchmark = True
        torch.manual_seed(0)
        allow_fast(contestant.precision)
        self._device = "cuda" if contestant.device == "gpu" else "cpu"
        self._synchronize = synchronize or (
            torch.cuda.synchronize if self._device == "cuda" else lambda: None
        )
        self._workload = WORKLOADS[contestant.model]
        self._bfloat16 = contestant.precision == "bfloat16"
        self._twin = make_twin(self._workload).to(self._device)
        self._objective = Objective(self._workload).to(self._device)
        if contestant.channels_last:
            twin: Any = self._twin  # torch's own annotations leave this way of calling `to` out
            twin.to(memory_format=torch.channels_last)
        players, self._forward = {"model": list(self._twin.parameters())}, self._loss
        if isinstance(self._twin, GameTwin):
            players, self._forward = self._twin.players, self._solve
            if contestant.compile is not None:
                # Losses and all players' gradients become one program, from PyTorch 2.11 on. As the backward pass of a
                # compiled function, each player's would compute those of all others too.
                dynamo: Any = importlib.import_module("torch._dynamo.config")
                dynamo.trace_autograd_ops = True
        if contestant.compile is not None:
            mode = None if contestant.compile == "default" else contestant.compile
            self._forward = torch.compile(self._forward, mode=mode)
        # Several times faster than the loops over tensors, on CPU too.
        self._optimizers = {
            name: torch.optim.Adam(parameters, 1e-3, fused=True) for name, parameters in players.items()
        }
        self._batches = self._feed(contestant, torch.from_numpy(images).permute(0, 3, 1, 2))

    def _feed(self, contestant: Contestant, images: Tensor) -> Iterator[Tensor]:
        last = contestant.channels_last
        images = images.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
        if contestant.loader_workers is None:
            return resident(images.to(self._device), contestant.batch_size)
        return loaded(images, contestant.batch_size, contestant.loader_workers, self._device)

    def _loss(self, pixels: Tensor) -> Tensor | dict[str, Tensor]:
        image = pixels.float() / 255
        sizes = [(len(image), size) for size in self._workload.latent_sizes]
        noise = [torch.randn(size, device=image.device) for size in sizes]
        draws: list[Tensor] = []
        if "mmd" in self._workload.weights or self._workload.game is not None:
            draws = [torch.randn(size, device=image.device) for size in sizes]
        if self._workload.game is not None and self._workload.game.penalty:
            draws.append(torch.rand(len(image), 1, device=image.device))
        if isinstance(self._twin, GameTwin):
            with torch.autocast(self._device, torch.bfloat16, enabled=self._bfloat16):
                played = self._twin.play(image, noise, draws)
            return self._twin.losses(played, image)
        with torch.autocast(self._device, torch.bfloat16, enabled=self._bfloat16):
            result: Result = self._twin(image, noise)
        return self._objective(result, image, draws)

    def _solve(self, pixels: Tensor) -> tuple[Tensor, dict[str, tuple[Tensor, ...]]]:
        """A game's loss to read, and the gradient of each player's own."""
        assert isinstance(self._twin, GameTwin)
        losses = self._loss(pixels)
        assert isinstance(losses, dict)
        return next(iter(losses.values())).detach(), self._twin.gradients(losses)

    def _update(self, solved: Any) -> Tensor:
        """Updates all parameters, those of each player by the gradient of its own loss; returns a loss to read."""
        if isinstance(self._twin, GameTwin):
            loss, by_player = solved
            for name, gradients in by_player.items():
                for parameter, gradient in zip(self._twin.players[name], gradients, strict=True):
                    # Adam's fused step takes numbers as they lie in memory. A second gradient may lie differently.
                    as_it = gradient.stride() == parameter.stride()
                    parameter.grad = gradient if as_it else torch.empty_like(parameter).copy_(gradient)
                self._optimizers[name].step()
            return loss
        (optimizer,) = self._optimizers.values()
        optimizer.zero_grad(set_to_none=True)
        solved.backward()
        optimizer.step()
        return solved

    def run(self, steps: int) -> float:
        """Trains.

        Args:
            steps: number of steps.

        Returns:
            Seconds, up to the moment when the device is done.
        """
        self._synchronize()
        started = time.perf_counter()
        for number in range(1, steps + 1):
            loss = self._update(self._forward(next(self._batches)))
            if number % READ_EVERY == 0 or number == steps:
                loss.item()
        self._synchronize()
        return time.perf_counter() - started

    def peak_memory(self) -> int | None:
        """Most bytes in use on an accelerator so far; None if the device uses main memory."""
        return torch.cuda.max_memory_allocated() if self._device == "cuda" else None


def allow_fast(precision: str) -> None:
    """Sets whether float32 products may be rounded to TensorFloat32."""
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "float32"


def matmul_rate(precision: str, device: str, size: int, repeats: int) -> float:
    """Best rate of a square matrix product, floating point operations per second; as `benchmarks.ours.matmul_rate`."""
    allow_fast(precision)
    place = "cuda" if device == "gpu" else "cpu"
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = (torch.randn(size, size, device=place, dtype=dtype) for _ in range(2))
    seconds, queued = [], QUEUED[device]
    for _ in range(repeats + 1):
        started = time.perf_counter()
        for _ in range(queued):
            a @ b
        if place == "cuda":
            torch.cuda.synchronize()
        seconds.append((time.perf_counter() - started) / queued)
    return 2 * size**3 / min(seconds[1:])
