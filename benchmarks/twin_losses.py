"""The benchmarked objective in PyTorch, each term by the fastest known algorithm.

SSIM's Gaussian window is applied as two banded matrix products: compiled, on images of 96x96 pixels in colour on a CPU,
they are as fast as depthwise convolutions with its two halves or faster, and faster than one with the whole. MMD
expands the squared distances. Images are float32 in [0, 1], [n, channels, height, width].
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.twin_base import Result
from benchmarks.workloads import BANDWIDTHS, Workload

_WINDOW = 11
_SIGMA = 1.5


class Objective(nn.Module):
    """The weighted sum of a workload's terms.

    Args:
        workload: terms, weights and image size.
    """

    band: Tensor

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.weights = dict(workload.weights)
        self.register_buffer("band", make_band(workload.image_shape[0]))

    def forward(self, result: Result, image: Tensor, draws: list[Tensor]) -> Tensor:
        """Loss of a batch, from as many draws of each level's prior as there are images."""
        total = image.new_zeros(())
        for name, weight in self.weights.items():
            total = total + weight * self._term(name, result, image, draws)
        return total

    def _term(self, name: str, result: Result, image: Tensor, draws: list[Tensor]) -> Tensor:
        if name == "reconstruction":
            return functional.binary_cross_entropy_with_logits(result.logits, image, reduction="sum") / len(
                image
            )
        if name == "ssim_loss":
            return 1 - ssim(torch.sigmoid(result.logits), image, self.band)
        if name == "colour_loss":
            return colour_distance(torch.sigmoid(result.logits), image)
        if name == "mmd":
            return torch.stack([mmd2(z, y) for z, y in zip(result.latents, draws, strict=True)]).sum()
        pairs = zip(result.means, result.stddevs, strict=True)
        return torch.stack([kl_normal(mean, stddev) for mean, stddev in pairs]).sum() / len(image)


def kl_normal(mean: Tensor, stddev: Tensor) -> Tensor:
    """KL(N(mean, stddev) || N(0, 1)) in nats, summed over everything."""
    return 0.5 * (stddev**2 + mean**2 - 1).sum() - stddev.log().sum()


def mmd2(x: Tensor, y: Tensor) -> Tensor:
    """Unbiased squared MMD under the mean of RBF kernels.

    Args:
        x: [n, d].
        y: [n, d].

    Returns:
        Scalar.
    """
    n = len(x)
    centre = y.mean(0, keepdim=True)
    x, y = x - centre, y - centre
    # A kernel is 1 on the diagonal, which the unbiased estimate leaves out.
    within = (_kernel(x, x).sum() + _kernel(y, y).sum() - 2 * n) / (n * (n - 1))
    return within - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    squared = (x * x).sum(1, keepdim=True) + (y * y).sum(1) - 2 * x @ y.T
    return torch.stack([torch.exp(squared / (-2 * s**2)) for s in BANDWIDTHS]).mean(0)


def ssim(a: Tensor, b: Tensor, band: Tensor) -> Tensor:
    """Mean structural similarity of square images in [0, 1], with its variances clipped as dm-pix does.

    Args:
        a: [n, c, h, h].
        b: [n, c, h, h].
        band: of `make_band`.

    Returns:
        Scalar.
    """
    maps = torch.stack([a, b, a * a, b * b, a * b])
    mean_a, mean_b, aa, bb, ab = (band.T @ (maps @ band)).unbind()
    least = torch.finfo(torch.float32).eps ** 2
    var_a = (aa - mean_a**2).clamp(min=least)
    var_b = (bb - mean_b**2).clamp(min=least)
    cov = ab - mean_a * mean_b
    cov = cov.sign() * torch.minimum((var_a * var_b).sqrt(), cov.abs())
    c1, c2 = 0.01**2, 0.03**2
    upper = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
    lower = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return (upper / lower).mean()


def colour_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error of images averaged down to 3x3 pixels."""
    return functional.mse_loss(functional.adaptive_avg_pool2d(a, 3), functional.adaptive_avg_pool2d(b, 3))


def make_band(size: int) -> Tensor:
    """Matrix that applies SSIM's window along a side.

    Args:
        size: length of the side.

    Returns:
        [size, size - 10]; each column holds the window at one position where it fits.
    """
    taps = torch.exp(-0.5 * ((torch.arange(_WINDOW) - _WINDOW // 2) / _SIGMA) ** 2)
    band = torch.zeros(size, size - _WINDOW + 1)
    for position in range(size - _WINDOW + 1):
        band[position : position + _WINDOW, position] = taps / taps.sum()
    return band
