"""PyTorch's twin of `jaxvae.models.DeepConvVAE`, as PyTorch's users write it."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from benchmarks.twin_base import Twin, full
from benchmarks.workloads import Workload

SLOPE = 0.2
"""Slope of the leaky rectifiers below zero."""

KERNEL = 4
"""Height and width of the kernels."""


class DeepTwin(Twin):
    """Convolutions of stride 2 without padding, two heads, and the mirrored decoder.

    Args:
        workload: sizes.
    """

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        side, _, channels = workload.image_shape
        sizes = [side]
        for _ in workload.widths:
            sizes.append((sizes[-1] - KERNEL) // 2 + 1)
        stages = [
            layer
            for below, width in pairwise((channels, *workload.widths))
            for layer in (nn.Conv2d(below, width, KERNEL, stride=2, bias=False), *_norm_act(width))
        ]
        self.stages = nn.Sequential(*stages)
        self.bottleneck = (workload.widths[-1], sizes[-1], sizes[-1])
        flat, (latent,) = math.prod(self.bottleneck), workload.latent_sizes
        self.to_mean, self.to_log_variance = nn.Linear(flat, latent), nn.Linear(flat, latent)
        self.expand = nn.Sequential(nn.Linear(latent, flat, bias=False), nn.Unflatten(1, self.bottleneck))
        unstages = _norm_act(workload.widths[-1])
        rising = zip(pairwise(workload.widths[::-1]), pairwise(sizes[:0:-1]), strict=True)
        for (below, width), (size, larger) in rising:
            unstages += [*_up(below, width, size, larger, bias=False), *_norm_act(width)]
        self.unstages = nn.Sequential(*unstages)
        self.to_logits = nn.Sequential(*_up(workload.widths[0], channels, sizes[1], side, bias=True))

    def encode(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Mean and standard deviation of the one level."""
        h = self.stages(image).flatten(1)
        return [full(self.to_mean(h))], [torch.exp(full(self.to_log_variance(h)) / 2)]

    def decode(self, latents: list[Tensor], *, channels_last: bool = False) -> Tensor:
        """Logits of the mean image."""
        h = self.expand(latents[0])
        if channels_last:
            h = h.contiguous(memory_format=torch.channels_last)
        return full(self.to_logits(self.unstages(h)))


def _norm_act(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE)]


def _up(channels: int, width: int, size: int, larger: int, *, bias: bool) -> list[nn.Module]:
    """Transposed convolution back to the side of the mirrored convolution's input; edge pixels are repeated."""
    rest = larger - (2 * (size - 1) + KERNEL)
    padding = [nn.ReplicationPad2d((0, rest, 0, rest))] if rest else []
    return [nn.ConvTranspose2d(channels, width, KERNEL, stride=2, bias=bias), *padding]
