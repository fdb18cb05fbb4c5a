"""Stages of convolutions that halve an image, rounding up, and the transposed convolutions that mirror them."""

from collections.abc import Sequence

from jaxtyping import Array, Float

from jaxvae.models.layers import ConvTranspose
from jaxvae.models.layouts import Layout
from jaxvae.models.layouts.geometry import Pair


def stage_sizes(size: Pair, stages: int) -> list[Pair]:
    """Sizes of an image after each of several stages of stride 2.

    Args:
        size: height and width of the image.
        stages: number of stages.

    Returns:
        stages + 1 pairs (height, width), the size of the image first.
    """
    sizes = [size]
    for _ in range(stages):
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes


def mirrored(widths: Sequence[int], sizes: Sequence[Pair], layout: Layout) -> list[ConvTranspose]:
    """Transposed convolutions that mirror all stages but the first, which the layer of the logits mirrors.

    Args:
        widths: channels of the stages.
        sizes: as `stage_sizes` returns them.
        layout: memory layout of the images.

    Returns:
        len(widths) - 1 layers, from the smallest image upwards.
    """
    rising = zip(widths[-2::-1], sizes[-2:0:-1], strict=True)
    return [ConvTranspose(width, size, layout) for width, size in rising]


def check_shape(image: Float[Array, "n h w c"], expected: Sequence[int]) -> None:
    """Rejects images of another shape than a model was built for.

    Args:
        image: input of the model.
        expected: (height, width, channels).

    Raises:
        ValueError: the shapes differ.
    """
    if image.shape[1:] != tuple(expected):
        raise ValueError(f"this model takes images of shape {tuple(expected)}, got {image.shape[1:]}.")
