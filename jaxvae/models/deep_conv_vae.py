"""Deep convolutional variational autoencoder for photographs, with the alternatives that its report tried.

Images are NHWC, float32 in [0, 1]; the decoder returns logits.
"""

import math
from dataclasses import field, replace
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.autoencoder import OneLevelAutoencoder
from jaxvae.models.layers import Conv, Dense, NormAct, unflatten
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.remat import part
from jaxvae.models.resampling import RESAMPLINGS, SLOPE, Down, Enlarge, Up, smallest_side, unpadded_sizes
from jaxvae.models.stages import check_shape
from jaxvae.types import Output, Posterior

LATENTS = ("dense", "conv")
"""Layers between the code and the convolutions: dense ones, or 1x1 convolutions, whose code is a map."""

DEEP_FEATURES = ("off", "through", "stopped")
"""Whether the output has the encoder's activations for the reconstruction: no, yes, or yes with the encoder's
parameters held constant while they are computed."""


class DeepConvVAE(OneLevelAutoencoder):
    """Convolutions of stride 2 without padding, each with BatchNorm and LeakyReLU, two heads, and the same mirrored.

    The transposed convolutions restore the sizes of the convolutions' inputs, where necessary by copying the last row
    or column (see `Enlarge`). As in DCGAN, the decoder's dense layer is normalised and rectified too.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
        widths: channels of the encoder's stages; 96x96 pixels leave room for four, 32x32 for three.
        kernel: height and width of the kernels; one that the stride does not divide, such as 3, leaves checkerboards.
        resampling: "stride" halves and doubles by the convolutions' stride, "pool" by max pooling and by
            nearest-neighbour upsampling.
        residual: whether a residual block follows every stage.
        latent: "dense" heads, or "conv" for a code that is a map of the size of the last stage.
        deep_features: "through" and "stopped" add the encoder's activations for the image and its reconstruction to
            the output, "off" does not. With "through" their gradient also reaches the encoder's parameters directly,
            with "stopped" only by way of the reconstruction.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: no stage, a size that is not positive, an image too small for the stages, an unknown name, or a
            code that the pixels of the last stage do not divide.

    References:
        Deep convolutional variational autoencoder to generate winged horses (the report), section 3.1 and figure 1.
        Radford, Metz & Chintala, Unsupervised Representation Learning with DCGANs, ICLR 2016, section 3.
        Odena, Dumoulin & Olah, Deconvolution and Checkerboard Artifacts, Distill 2016.
    """

    image_shape: tuple[int, int, int]
    latent_size: int = 128
    widths: tuple[int, ...] = (32, 64, 128)
    kernel: int = 4
    resampling: str = "stride"
    residual: bool = False
    latent: str = "dense"
    deep_features: str = "off"
    axis_name: str | None = None
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        _check_sizes(self.image_shape, self.latent_size, self.widths, self.kernel)
        for name, choices in (
            ("resampling", RESAMPLINGS),
            ("latent", LATENTS),
            ("deep_features", DEEP_FEATURES),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}.")
        height, width = self._sizes[-1]
        if self.latent == "conv" and self.latent_size % (height * width):
            raise ValueError(
                f"a convolutional latent spreads the code over {height} x {width} pixels, so its size must be a "
                f"multiple of {height * width}, got {self.latent_size}."
            )
        super().__post_init__()

    @property
    def _sizes(self) -> list[tuple[int, int]]:
        height, width, _ = self.image_shape
        return unpadded_sizes((height, width), self.kernel, len(self.widths))

    @override
    def setup(self) -> None:
        sizes = self._sizes
        shared: dict[str, Any] = {"layout": self.layout, "kernel": self.kernel, "resampling": self.resampling}
        normed = shared | {"residual": self.residual, "axis_name": self.axis_name}
        self.stages = [Down(width, **normed) for width in self.widths]
        area = math.prod(sizes[-1])
        self.to_mean, self.to_log_variance = (
            self._connection(self.latent_size, area, use_bias=True) for _ in range(2)
        )
        self.expand = self._connection(area * self.widths[-1], area, use_bias=False)
        self.expand_norm = NormAct(self.layout.channel_axis, SLOPE, self.axis_name)
        rising = zip(self.widths[-2::-1], sizes[-2:0:-1], strict=True)
        self.unstages = [Up(width, size, **normed) for width, size in rising]
        self.to_logits = Enlarge(self.image_shape[-1], sizes[0], **shared, use_bias=True)

    def _connection(self, size: int, area: int, *, use_bias: bool) -> Dense | Conv:
        """A layer with `size` outputs for an image, all in one vector or spread evenly over its `area` pixels."""
        if self.latent == "dense":
            return Dense(size, self.layout, use_bias=use_bias)
        return Conv(size // area, self.layout, (1, 1), (1, 1), use_bias=use_bias)

    def activations(
        self, image: Float[Array, "n h w c"], train: bool = False
    ) -> tuple[Float[Array, "n _ _ _"], ...]:
        """The encoder's activations after every stage.

        Args:
            image: in [0, 1], of the shape that the model was built for.
            train: whether BatchNorm uses the batch's statistics.

        Returns:
            [n, height, width, channels] for each stage.

        Raises:
            ValueError: images of another shape.
        """
        check_shape(image, self.image_shape)
        return tuple(self.layout.leave(h) for h in self._stages(image, train))

    @override
    def _encode(self, image: Float[Array, "n h w c"], train: bool) -> tuple[Posterior, ...]:
        return self._posteriors(self._stages(image, train)[-1])

    @override
    def _decode(self, latents: tuple[Float[Array, "n _"], ...], train: bool) -> Float[Array, "n h w c"]:
        (z,), size = latents, self._sizes[-1]
        if self.latent == "dense":
            h = unflatten(self.expand(z), size, self.layout)
        else:
            h = self.expand(unflatten(z, size, self.layout))
        h = self.expand_norm(h, train)
        for unstage in self.unstages:
            h = unstage(h, train)
        return self.layout.leave(self.to_logits(h))

    @override
    def _run(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool,
        *condition: Float[Array, "n _"],
    ) -> Output:
        posteriors, stages = part(self, lambda own, image: own._encoded(image, train), image)
        output = self._output(key, index, posteriors, lambda own, latents: own._decode(latents, train))
        if self.deep_features == "off" or self.is_initializing():
            return output
        features = tuple(self.layout.leave(h) for h in stages)
        reconstruction_features = self._reconstruction_features(nn.sigmoid(output.logits), train)
        if self.deep_features == "stopped":
            features = lax.stop_gradient(features)
        return replace(output, features=(features, reconstruction_features))

    def _encoded(
        self, image: Float[Array, "n h w c"], train: bool
    ) -> tuple[tuple[Posterior, ...], list[Float[Array, "_ _ _ _"]]]:
        """The posteriors, and the activations that become features."""
        stages = self._stages(image, train)
        return self._posteriors(stages[-1]), [] if self.deep_features == "off" else stages

    def _reconstruction_features(
        self, image: Float[Array, "n h w c"], train: bool
    ) -> tuple[Float[Array, "n _ _ _"], ...]:
        """The encoder's activations for reconstructions, without updating the running statistics."""
        variables = dict(self.variables)
        if self.deep_features == "stopped":
            variables = lax.stop_gradient(variables)
        activations, _ = self.clone(parent=None).apply(
            variables, image, train, method="activations", mutable=["batch_stats"]
        )
        return activations

    def _stages(self, image: Float[Array, "n h w c"], train: bool) -> list[Float[Array, "_ _ _ _"]]:
        activations = [self.layout.enter(image)]
        for stage in self.stages:
            activations.append(stage(activations[-1], train))
        return activations[1:]

    def _posteriors(self, h: Float[Array, "_ _ _ _"]) -> tuple[Posterior, ...]:
        mean, log_variance = (
            head(h) if self.latent == "dense" else self.layout.leave(head(h)).reshape(-1, self.latent_size)
            for head in (self.to_mean, self.to_log_variance)
        )
        return (Posterior(mean, jnp.exp(log_variance / 2)),)


def _check_sizes(
    image_shape: tuple[int, int, int], latent_size: int, widths: tuple[int, ...], kernel: int
) -> None:
    if not widths or min(*widths, latent_size, *image_shape, kernel - 1) < 1:
        raise ValueError(
            "a VAE needs at least one stage, positive sizes and a kernel of at least 2, got image shape "
            f"{tuple(image_shape)}, latent size {latent_size}, widths {tuple(widths)}, kernel {kernel}."
        )
    smallest = smallest_side(kernel, len(widths))
    if min(image_shape[:2]) < smallest:
        raise ValueError(
            f"{len(widths)} stages of {kernel}x{kernel} convolutions without padding need images of {smallest} x "
            f"{smallest} pixels or more, got {image_shape[0]} x {image_shape[1]}; enlarge the images or give fewer "
            "stages."
        )
