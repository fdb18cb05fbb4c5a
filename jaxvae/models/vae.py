"""Convolutional variational autoencoder: one encoder, one code, one decoder.

Images are NHWC, float32 in [0, 1]; the decoder returns logits. Codes are tuples of one array, as a ladder's
are tuples of several.
"""

import math
from dataclasses import field

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxvae.models.autoencoder import Autoencoder
from jaxvae.models.layers import Conv, ConvTranspose, Dense, NormAct, unflatten
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.stages import check_shape, mirrored, stage_sizes
from jaxvae.types import Posterior


class VAE(Autoencoder):
    """Convolutions 4x4 of stride 2, each with BatchNorm and ReLU, to a Gaussian code, and the same mirrored back.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        axis_name: `pmap` axis over which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    References:
        Kingma & Welling, Auto-Encoding Variational Bayes, ICLR 2014.
        Radford, Metz & Chintala, Unsupervised Representation Learning with DCGANs, ICLR 2016, section 3.
    """

    image_shape: tuple[int, int, int]
    latent_size: int = 10
    widths: tuple[int, ...] = (32, 64, 128)
    axis_name: str | None = None
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        """Refuses sizes that make no network.

        Raises:
            ValueError: no stage, or a size that is not positive.
        """
        if not self.widths or min(*self.widths, self.latent_size, *self.image_shape) < 1:
            raise ValueError(
                f"a VAE needs at least one stage and positive sizes, got image shape {tuple(self.image_shape)}, "
                f"latent size {self.latent_size}, widths {tuple(self.widths)}."
            )
        super().__post_init__()

    @property
    def latent_sizes(self) -> tuple[int, ...]:
        """Size of the one level's code."""
        return (self.latent_size,)

    def setup(self) -> None:
        """Builds the layers."""
        sizes = stage_sizes(self.image_shape[:2], len(self.widths))
        self.bottleneck = sizes[-1]
        self.stages = [Conv(width, self.layout) for width in self.widths]
        self.stage_norms = [self._norm() for _ in self.widths]
        self.head = Dense(2 * self.latent_size, self.layout)
        self.expand = Dense(math.prod(sizes[-1]) * self.widths[-1], self.layout, use_bias=False)
        self.expand_norm = self._norm()
        self.unstages = mirrored(self.widths, sizes, self.layout)
        self.unstage_norms = [self._norm() for _ in self.unstages]
        self.to_logits = ConvTranspose(self.image_shape[-1], sizes[0], self.layout, use_bias=True)

    def _norm(self) -> NormAct:
        return NormAct(self.layout.channel_axis, axis_name=self.axis_name)

    def encode(self, image: Float[Array, "n h w c"], train: bool = False) -> tuple[Posterior, ...]:
        """q(z | x).

        Args:
            image: in [0, 1], of the shape that the model was built for.
            train: whether BatchNorm uses the batch's statistics.

        Returns:
            One posterior; its network puts out mean and log variance.

        Raises:
            ValueError: images of another shape.
        """
        check_shape(image, self.image_shape)
        h = self.layout.enter(image)
        for stage, norm in zip(self.stages, self.stage_norms, strict=True):
            h = norm(stage(h), train)
        mean, log_variance = jnp.split(self.head(h), 2, axis=-1)
        return (Posterior(mean, jnp.exp(log_variance / 2)),)

    def decode(
        self, latents: tuple[Float[Array, "n _"], ...], train: bool = False
    ) -> Float[Array, "n h w c"]:
        """Logits of p(x | z).

        Args:
            latents: one array.
            train: whether BatchNorm uses the batch's statistics.

        Returns:
            Logits; their sigmoid is the mean image.

        Raises:
            ValueError: latents of another number or size.
        """
        sizes = tuple(z.shape[-1] for z in latents)
        if sizes != self.latent_sizes:
            raise ValueError(f"this model has one latent of size {self.latent_size}, got latents of {sizes}.")
        h = unflatten(self.expand(latents[0]), self.bottleneck, self.layout)
        h = self.expand_norm(h, train)
        for unstage, norm in zip(self.unstages, self.unstage_norms, strict=True):
            h = norm(unstage(h), train)
        return self.layout.leave(self.to_logits(h))
