"""Convolutional classifier that halves its maps by pooling.

Images are NHWC, float32 in [0, 1].
"""

from dataclasses import field

from flax import linen as nn
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.initialization import initialization
from jaxvae.models.layers import Conv, Dense, max_pool
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.stages import check_shape


class PoolClassifier(nn.Module):
    """Convolutions 3x3 of stride 1 with ReLU, each followed by max-pooling 2x2, and a dense layer.

    For images of 28x28 in grey and ten classes it has 20,490 parameters.

    Attributes:
        image_shape: (height, width, channels).
        classes: how many there are.
        widths: channels of the convolutions.
        initialization: how parameters begin, a name in `INITIALIZATIONS`.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    References:
        Gopinath, Generative Neural Networks (the report), section 4.
    """

    image_shape: tuple[int, int, int]
    classes: int = 10
    widths: tuple[int, ...] = (16, 32)
    initialization: str = "kaiming_normal"
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        """Refuses what makes no network.

        Raises:
            ValueError: no convolution, a size that is not positive, or an unknown initialization.
        """
        initialization(self.initialization)
        if not self.widths or min(*self.widths, self.classes, *self.image_shape) < 1:
            raise ValueError(
                f"a classifier needs a convolution and positive sizes, got image shape {tuple(self.image_shape)}, "
                f"{self.classes} classes, widths {tuple(self.widths)}."
            )
        super().__post_init__()

    def setup(self) -> None:
        """Builds the layers."""
        begin = initialization(self.initialization)
        self.stages = [
            Conv(width, self.layout, (3, 3), (1, 1), "SAME", use_bias=True, initialization=begin)
            for width in self.widths
        ]
        self.to_logits = Dense(self.classes, self.layout, initialization=begin)

    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
    ) -> Float[Array, "n classes"]:
        """Logits of the classes.

        Args:
            key: without effect; the model is deterministic.
            image: in [0, 1], of the shape that the model was built for.
            index: without effect.
            train: without effect; the model behaves alike in training.

        Returns:
            One unbounded number for each class; their softmax is the probability.

        Raises:
            ValueError: images of another shape.
        """
        check_shape(image, self.image_shape)
        h = self.layout.enter(image)
        for stage in self.stages:
            h = max_pool(nn.relu(stage(h)), self.layout)
        return self.to_logits(h)
