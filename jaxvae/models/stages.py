"""Shapes that convolutional families share: stages that halve an image, rounding up, and those that mirror them."""

from collections.abc import Sequence

from jaxtyping import Array, Float

from jaxvae.models.layers import ConvTranspose
from jaxvae.models.layouts import Layout
from jaxvae.models.layouts.geometry import Pair


def stage_sizes(size: Pair, stages: int) -> list[Pair]:
    """Sizes of an image on its way through stages of stride 2.

    Args:
        size: height and width of the image.
        stages: how many.

    Returns:
        stages + 1 pairs (height, width), the image's own first.
    """
    sizes = [size]
    for _ in range(stages):
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes


def mirrored(widths: Sequence[int], sizes: Sequence[Pair], layout: Layout) -> list[ConvTranspose]:
    """Transposed convolutions that undo all stages but the first, whose mirror image gives the logits.

    Args:
        widths: channels of the stages.
        sizes: as `stage_sizes` returns them.
        layout: of the images.

    Returns:
        len(widths) - 1 layers, from the smallest image upwards.
    """
    rising = zip(widths[-2::-1], sizes[-2:0:-1], strict=True)
    return [ConvTranspose(width, size, layout) for width, size in rising]


def check_shape(image: Float[Array, "n h w c"], expected: Sequence[int]) -> None:
    """Refuses images of another shape than a model was built for.

    Args:
        image: what the model was given.
        expected: (height, width, channels).

    Raises:
        ValueError: the shapes differ.
    """
    if image.shape[1:] != tuple(expected):
        raise ValueError(f"this model takes images of shape {tuple(expected)}, got {image.shape[1:]}.")
