"""PyTorch twins of the benchmarked networks, as PyTorch's users write them: NCHW modules, torch.nn's own layers.

Each is the same function of image, noise and parameters as its JAX original; `benchmarks.proof` checks it.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.deep_twin import DeepTwin
from benchmarks.game_twins import GAME_TWINS
from benchmarks.twin_base import Down, Twin, Up, full
from benchmarks.workloads import HIDDEN, Workload

MIN_STDDEV = 1e-3
"""Floor of the ladder's standard deviations."""


class PaddedTwin(Twin):
    """The ladder, or the plain VAE, which has one code at the top and no dense layers beside it.

    Args:
        workload: sizes.
    """

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.is_ladder = workload.family == "ladder"
        side, _, channels = workload.image_shape
        widths, latents = workload.widths, workload.latent_sizes
        sizes = [side]
        for _ in widths:
            sizes.append((sizes[-1] + 1) // 2)
        self.bottleneck = (widths[-1], sizes[-1], sizes[-1])
        self.stages = nn.ModuleList(
            Down(c, w, s) for c, w, s in zip((channels, *widths), widths, sizes[:-1], strict=False)
        )
        coded = zip(widths[-len(latents) :], sizes[-len(latents) :], latents, strict=True)
        self.heads = nn.ModuleList(nn.Linear(w * s * s, 2 * z) for w, s, z in coded)
        self.top, self.merges, entry = nn.Sequential(), nn.ModuleList(), latents[-1]
        if self.is_ladder:
            for number in range(3):
                self.top.append(nn.Linear(HIDDEN if number else entry, HIDDEN, bias=False))
                self.top.extend([nn.BatchNorm1d(HIDDEN), nn.ReLU()])
            self.merges.append(nn.Linear(HIDDEN + latents[0], HIDDEN))
            entry = HIDDEN
        flat, unflatten = math.prod(self.bottleneck), nn.Unflatten(1, self.bottleneck)
        norm: list[nn.Module] = [nn.BatchNorm1d(flat), nn.ReLU(), unflatten]
        if not self.is_ladder:
            norm = [unflatten, nn.BatchNorm2d(widths[-1]), nn.ReLU()]
        self.expand = nn.Sequential(nn.Linear(entry, flat, bias=False), *norm)
        self.unstages, below = nn.Sequential(), widths[-1]
        for width, size in zip(widths[-2::-1], sizes[-2:0:-1], strict=True):
            self.unstages.extend([Up(below, width, size), nn.BatchNorm2d(width), nn.ReLU()])
            below = width
        self.to_logits = Up(below, channels, side, bias=True)

    def encode(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Means and standard deviations of all levels."""
        means, stddevs, h = [], [], image
        without = len(self.stages) - len(self.heads)
        for number, stage in enumerate(self.stages):
            h = stage(h)
            if number >= without:
                mean, raw = full(self.heads[number - without](h.flatten(1))).chunk(2, dim=1)
                means.append(mean)
                stddevs.append(torch.sigmoid(raw) + MIN_STDDEV if self.is_ladder else torch.exp(raw / 2))
        return means, stddevs

    def decode(self, latents: list[Tensor], *, channels_last: bool = False) -> Tensor:
        """Logits of the mean image."""
        h = self.top(latents[-1])
        for z in latents[-2::-1]:
            h = functional.relu(self.merges[0](torch.cat([h, z.to(h.dtype)], dim=1)))
        h = self.expand(h)
        if channels_last:
            h = h.contiguous(memory_format=torch.channels_last)
        return full(self.to_logits(self.unstages(h)))


def make_twin(workload: Workload) -> Twin:
    """The twin of a workload's network.

    Args:
        workload: sizes.

    Returns:
        With PyTorch's own initial parameters.
    """
    if workload.game is not None:
        return GAME_TWINS[workload.family](workload)
    return DeepTwin(workload) if workload.family == "deep" else PaddedTwin(workload)
