"""What all model families have in common.

Images are NHWC, float32 in [0, 1].
"""

from abc import abstractmethod
from typing import Any

from flax import linen as nn
from jaxtyping import Array, Float, Int, Key

from jaxvae.types import LabelField


class Network(nn.Module):
    """A module that takes images, as `jaxvae.types.Model` describes it.

    Attributes:
        image_shape: (height, width, channels).
    """

    image_shape: tuple[int, int, int]

    @property
    def label_field(self) -> LabelField | None:
        """Field of a `Batch` that the methods take as the argument `label`; None if they take none."""
        return None

    @property
    def label_size(self) -> int:
        """Number of classes, or of attributes, of `label`; 0 if the methods take none."""
        return 0

    @abstractmethod
    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
    ) -> Any:
        """Maps images to what the family is for.

        Args:
            key: source of randomness.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, on which the randomness depends, so that a batch gets
                the same on one device as spread over several.
            train: whether the layers behave as in training; BatchNorm then uses the batch's statistics, and dropout
                drops.

        Returns:
            What the family is for.

        Raises:
            ValueError: images of another shape.
        """
