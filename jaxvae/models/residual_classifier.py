"""Convolutional classifier with residual blocks, small enough to be trained on a CPU.

Images are NHWC, float32 in [0, 1].
"""

from dataclasses import field

from flax import linen as nn
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.layers import Conv, Dense, NormAct
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.network import Network
from jaxvae.models.resampling import Residual
from jaxvae.models.stages import check_shape


class ResidualClassifier(Network):
    """Stages of a 4x4 convolution of stride 2 with BatchNorm and ReLU and of a residual block, and a dense layer.

    The dense layer sees the means over the pixels of the last stage.

    Attributes:
        image_shape: (height, width, channels).
        classes: number of classes.
        widths: channels of the stages, each of which halves the image, rounded up.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: no stage, or a size that is not positive.

    References:
        He, Zhang, Ren & Sun, Deep Residual Learning for Image Recognition, CVPR 2016.
    """

    image_shape: tuple[int, int, int]
    classes: int = 10
    widths: tuple[int, ...] = (32, 64, 128)
    axis_name: str | None = None
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        if not self.widths or min(*self.widths, self.classes, *self.image_shape) < 1:
            raise ValueError(
                f"a classifier needs a stage and positive sizes, got image shape {tuple(self.image_shape)}, "
                f"{self.classes} classes, widths {tuple(self.widths)}."
            )
        super().__post_init__()

    @override
    @nn.compact
    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
    ) -> Float[Array, "n classes"]:
        """Logits of the classes, without randomness.

        Returns:
            One unbounded number for each class; their softmax is the probability.
        """
        check_shape(image, self.image_shape)
        h = self.layout.enter(image)
        for width in self.widths:
            h = NormAct(self.layout.channel_axis, 0.0, self.axis_name)(Conv(width, self.layout)(h), train)
            h = Residual(self.layout, self.axis_name)(h, train)
        return Dense(self.classes, self.layout)(self.layout.leave(h).mean(axis=(1, 2)))
