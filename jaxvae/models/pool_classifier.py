"""Convolutional classifier that halves its activations by pooling.

Images are NHWC, float32 in [0, 1].
"""

from dataclasses import field

from flax import linen as nn
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.initialization import initialization
from jaxvae.models.layers import Conv, Dense, max_pool
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.network import Network
from jaxvae.models.stages import check_shape


class PoolClassifier(Network):
    """Convolutions 3x3 of stride 1 with ReLU, each followed by max-pooling 2x2, and a dense layer.

    For grey images of 28x28 pixels and ten classes it has 20,490 parameters.

    Attributes:
        image_shape: (height, width, channels).
        classes: number of classes.
        widths: channels of the convolutions.
        initialization: initial distribution of the parameters, a name in `INITIALIZATIONS`.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: no convolution, a size that is not positive, or an unknown initialization.

    References:
        Gopinath, Generative Neural Networks (the report), section 4.
    """

    image_shape: tuple[int, int, int]
    classes: int = 10
    widths: tuple[int, ...] = (16, 32)
    initialization: str = "kaiming_normal"
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        initialization(self.initialization)
        if not self.widths or min(*self.widths, self.classes, *self.image_shape) < 1:
            raise ValueError(
                f"a classifier needs a convolution and positive sizes, got image shape {tuple(self.image_shape)}, "
                f"{self.classes} classes, widths {tuple(self.widths)}."
            )
        super().__post_init__()

    @override
    def setup(self) -> None:
        begin = initialization(self.initialization)
        self.stages = [
            Conv(width, self.layout, (3, 3), (1, 1), "SAME", use_bias=True, initialization=begin)
            for width in self.widths
        ]
        self.to_logits = Dense(self.classes, self.layout, initialization=begin)

    @override
    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
    ) -> Float[Array, "n classes"]:
        """Logits of the classes; the same in training, and without randomness.

        Returns:
            One unbounded number for each class; their softmax is the probability.
        """
        check_shape(image, self.image_shape)
        h = self.layout.enter(image)
        for stage in self.stages:
            h = max_pool(nn.relu(stage(h)), self.layout)
        return self.to_logits(h)
