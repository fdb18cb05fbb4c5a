"""Convolutional classifier whose inner activations serve as a perceptual space.

Images are NHWC, float32 in [0, 1].
"""

from dataclasses import field

from flax import linen as nn
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.initialization import initialization
from jaxvae.models.layers import Conv, Dense
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.network import Network
from jaxvae.models.stages import check_shape

_PADDING = ((1, 1), (1, 1))


class Classifier(Network):
    """Convolutions 3x3, the first of stride 1 and the others of stride 2, and dense layers, all with ReLU between.

    Attributes:
        image_shape: (height, width, channels).
        classes: number of classes.
        widths: channels of the convolutions.
        hidden: sizes of the dense layers before the last.
        initialization: initial distribution of the parameters, a name in `INITIALIZATIONS`.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: no convolution, no dense layer, a size that is not positive, or an unknown initialization.

    References:
        Datta, Variational Autoencoders (the report), section 4.2.
    """

    image_shape: tuple[int, int, int]
    classes: int = 10
    widths: tuple[int, ...] = (32, 64, 128, 256)
    hidden: tuple[int, ...] = (64, 32)
    initialization: str = "pytorch"
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        initialization(self.initialization)
        sizes = (*self.widths, *self.hidden, self.classes, *self.image_shape)
        if not self.widths or not self.hidden or min(sizes) < 1:
            raise ValueError(
                f"a classifier needs a convolution, a dense layer and positive sizes, got image shape "
                f"{tuple(self.image_shape)}, {self.classes} classes, widths {tuple(self.widths)}, hidden "
                f"{tuple(self.hidden)}."
            )
        super().__post_init__()

    @override
    def setup(self) -> None:
        begin = initialization(self.initialization)
        self.stages = [
            Conv(
                width,
                self.layout,
                (3, 3),
                (2, 2) if number else (1, 1),
                _PADDING,
                use_bias=True,
                initialization=begin,
            )
            for number, width in enumerate(self.widths)
        ]
        self.dense = [Dense(size, self.layout, initialization=begin) for size in self.hidden]
        self.to_logits = Dense(self.classes, self.layout, initialization=begin)

    def features(self, image: Float[Array, "n h w c"]) -> tuple[Float[Array, "n _ _ _"], ...]:
        """Activations after every second convolution's ReLU, for perceptual comparisons of images.

        Args:
            image: in [0, 1], of the shape that the model was built for.

        Returns:
            [n, height, width, channels] after the 2nd, 4th, ... ReLU.

        Raises:
            ValueError: images of another shape.
        """
        return tuple(self.layout.leave(h) for h in self._maps(image)[1::2])

    def penultimate(self, image: Float[Array, "n h w c"]) -> Float[Array, "n d"]:
        """Activations before the last layer.

        Args:
            image: in [0, 1], of the shape that the model was built for.

        Returns:
            [n, size of the last hidden layer], at least 0.

        Raises:
            ValueError: images of another shape.
        """
        h = self._maps(image)[-1]
        for dense in self.dense:
            h = nn.relu(dense(h))
        return h

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
        return self.to_logits(self.penultimate(image))

    def _maps(self, image: Float[Array, "n h w c"]) -> list[Float[Array, "_ _ _ _"]]:
        """Activations after each convolution, in the layout."""
        check_shape(image, self.image_shape)
        maps = [self.layout.enter(image)]
        for stage in self.stages:
            maps.append(nn.relu(stage(maps[-1])))
        return maps[1:]
