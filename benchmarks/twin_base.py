"""The base of PyTorch's twins: draws between an encoder and a decoder.

Images are float in [0, 1], [n, channels, height, width].
"""

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Result(NamedTuple):
    """Output of a twin: logits, and mean, standard deviation and draw of each level, bottom first."""

    logits: Tensor
    means: list[Tensor]
    stddevs: list[Tensor]
    latents: list[Tensor]


class Twin(nn.Module):
    """A network in PyTorch that is the same function of image, noise and parameters as its JAX original.

    Attributes:
        bottleneck: channels, height and width of the output of the encoder's last stage.
    """

    bottleneck: tuple[int, int, int]

    def forward(self, image: Tensor, noise: list[Tensor]) -> Result:
        """Encodes, draws a code at every level with the given noise, and decodes."""
        means, stddevs = self.encode(image)
        latents = [m + s * e for m, s, e in zip(means, stddevs, noise, strict=True)]
        channels_last = image.is_contiguous(memory_format=torch.channels_last)
        return Result(self.decode(latents, channels_last=channels_last), means, stddevs, latents)

    @abstractmethod
    def encode(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Means and standard deviations of all levels."""

    @abstractmethod
    def decode(self, latents: list[Tensor], *, channels_last: bool = False) -> Tensor:
        """Logits of the mean image."""


class Down(nn.Sequential):
    """Convolution 4x4 stride 2 with SAME padding, BatchNorm, ReLU.

    Args:
        channels: of the input.
        width: channels of the output.
        size: side of the input.
    """

    def __init__(self, channels: int, width: int, size: int) -> None:
        # An odd side takes one more pixel of padding on the right and at the bottom.
        odd = [nn.ZeroPad2d((0, size % 2, 0, size % 2))] if size % 2 else []
        super().__init__(
            *odd,
            nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )


class Up(nn.Module):
    """Transposed convolution 4x4 stride 2 that undoes the shape of `Down`.

    Args:
        channels: of the input.
        width: channels of the output.
        size: side of the output.
        bias: whether a bias is added.
    """

    def __init__(self, channels: int, width: int, size: int, *, bias: bool = False) -> None:
        super().__init__()
        self.size = size
        self.conv = nn.ConvTranspose2d(channels, width, 4, stride=2, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Doubles the side, or doubles it less one."""
        y = self.conv(x)
        return y[:, :, : self.size, : self.size] if self.size % 2 else y


def full(x: Tensor) -> Tensor:
    """Converts to float32 what autocast has made bfloat16."""
    return x.float() if x.dtype is torch.bfloat16 else x
