"""VAE-GAN: a VAE whose decoder is also a GAN's generator and whose likelihood compares features of the discriminator.

Images are NHWC, float32 in [0, 1]; the decoder returns logits. Attributes are vectors
[n, attributes] of numbers from 0 to 1.
"""

from dataclasses import field

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.autoencoder import Labels, OneLevelAutoencoder
from jaxvae.models.discriminators import NORMALISATIONS, ImageDiscriminator
from jaxvae.models.halves import Decoder, Encoder, check_sizes
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.named_priors import draw_each
from jaxvae.models.posterior import reparameterize
from jaxvae.models.priors import Normal
from jaxvae.models.remat import part
from jaxvae.types import AdversarialOutput, LabelField, Logits, Posterior

_PRIOR_DRAWS, _INSTANCE_NOISE = (
    1,
    2,
)  # folded into the key; the codes' draws fold in the numbers of their levels


class VAEGAN(OneLevelAutoencoder):
    """Encoder, decoder and a discriminator of images; with attributes, all three get them as an input.

    Its parameters are the subtrees "encoder", "decoder" and "discriminator". A GAN and a VAE with the same networks
    are this model with other weights of the loss terms.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        discriminator_widths: channels of the discriminator's convolutions, which halve the image too.
        hidden: size of the discriminator's dense layer.
        feature_layer: which of the discriminator's convolutions gives the features, 1 for the first.
        normalisation: of the discriminator: "batch", "spectral" or "none".
        attributes: size of the attribute vectors; 0 for a model without attributes.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: a chain without layers, a size that is not positive, a feature layer that does not exist,
            an unknown normalisation, or a negative number of attributes.

    References:
        Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016, Algorithm 1.
    """

    image_shape: tuple[int, int, int]
    latent_size: int = 128
    widths: tuple[int, ...] = (64, 128, 256)
    discriminator_widths: tuple[int, ...] = (32, 128, 256)
    hidden: int = 512
    feature_layer: int = 3
    normalisation: str = "batch"
    attributes: int = 0
    axis_name: str | None = None
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        chains = {"widths": self.widths, "discriminator widths": self.discriminator_widths}
        check_sizes("a VAE-GAN", self.image_shape, self.latent_size, **chains, hidden=(self.hidden,))
        if not 1 <= self.feature_layer <= len(self.discriminator_widths):
            raise ValueError(
                f"the feature layer must be one of the discriminator's {len(self.discriminator_widths)} "
                f"convolutions, 1 for the first, got {self.feature_layer}."
            )
        if self.normalisation not in NORMALISATIONS:
            raise ValueError(
                f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {self.normalisation!r}."
            )
        if self.attributes < 0:
            raise ValueError(f"the number of attributes must be >= 0, got {self.attributes}.")
        super().__post_init__()

    @property
    @override
    def label_field(self) -> LabelField | None:
        return "attributes" if self.attributes else None

    @property
    @override
    def label_size(self) -> int:
        return self.attributes

    @override
    def setup(self) -> None:
        place = self.layout, self.axis_name
        self.encoder = Encoder(2 * self.latent_size, self.image_shape, self.widths, *place)
        self.decoder = Decoder(self.image_shape, self.widths, *place)
        self.discriminator = ImageDiscriminator(
            self.image_shape,
            self.discriminator_widths,
            self.hidden,
            self.feature_layer,
            self.normalisation,
            *place,
        )

    @override
    def _encode(
        self, image: Float[Array, "n h w c"], train: bool, *condition: Float[Array, "n _"]
    ) -> tuple[Posterior, ...]:
        if self.is_initializing():  # nothing else that `init` calls creates the discriminator's parameters
            self.discriminator(image, train, *condition)
        mean, log_variance = jnp.split(self.encoder(image, train, *condition), 2, axis=-1)
        return (Posterior(mean, jnp.exp(log_variance / 2)),)

    @override
    def _decode(
        self, latents: tuple[Float[Array, "n _"], ...], train: bool, *condition: Float[Array, "n _"]
    ) -> Float[Array, "n h w c"]:
        return self.decoder(jnp.concatenate([*latents, *condition], axis=-1), train)

    def discriminate(
        self, image: Float[Array, "n h w c"], train: bool = False, *, label: Labels | None = None
    ) -> Logits:
        """Logits of the images being real.

        Args:
            image: of the shape that the model was built for.
            train: whether BatchNorm uses the batch's statistics.
            label: [n, attributes], attributes that the images should have, if the model takes any.

        Returns:
            Logits, large for real.

        Raises:
            ValueError: images or attributes of another shape, or attributes for a model that takes none.
        """
        return self.discriminator(image, train, *self._checked(image, label))[0]

    def play(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        *,
        label: Labels | None = None,
        noise: float | Float[Array, ""] | None = None,
        train: bool = True,
    ) -> AdversarialOutput:
        """One forward pass that serves all players.

        Reconstructions and samples are decoded as one batch, and the discriminator gets them and the images as one
        batch, so that BatchNorm treats the features of an image and of its reconstruction alike.

        Args:
            key: for the draws.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, which decides its draws.
            label: [n, attributes], attributes of the images, if the model takes any; samples are drawn with the same.
            noise: standard deviation of Gaussian noise added to the discriminator's inputs; no noise if not given.
                The output's `real` and `fakes` are without it.
            train: whether BatchNorm uses the batch's statistics.

        Returns:
            The autoencoder's output; real are the images, fakes are the reconstructions and samples from the prior.

        Raises:
            ValueError: images or attributes of another shape, or attributes for a model that takes none.
        """
        n, condition = len(image), self._checked(image, label)
        posteriors = part(self, lambda own, image: own._encode(image, train, *condition), image)
        code = reparameterize(jax.random.fold_in(key, 0), posteriors[0], index)
        sampled = draw_each(jax.random.fold_in(key, _PRIOR_DRAWS), Normal(dim=self.latent_size), index)
        codes = (jnp.concatenate([code, sampled]),)
        twice, thrice = ([jnp.tile(y, (times, 1)) for y in condition] for times in (2, 3))
        decoded = part(self, lambda own, codes: own._decode(codes, train, *twice), codes)
        fakes = nn.sigmoid(decoded)
        inputs = jnp.concatenate([image, fakes])
        if noise is not None:
            inputs += noise * _noise(jax.random.fold_in(key, _INSTANCE_NOISE), index, image.shape[1:])
        logits, features = part(self, lambda own, inputs: own.discriminator(inputs, train, *thrice), inputs)
        return AdversarialOutput(
            decoded[:n],
            posteriors,
            (code,),
            real=image,
            fakes=(fakes[:n], fakes[n:]),
            real_logits=Logits(logits[:n]),
            fake_logits=(Logits(logits[n : 2 * n]), Logits(logits[2 * n :])),
            real_features=features[:n],
            fake_features=features[n : 2 * n],
        )


def _noise(key: Key[Array, ""], index: Int[Array, " n"], shape: tuple[int, ...]) -> Float[Array, "m h w c"]:
    """Unit noise for the images, their reconstructions and the samples."""
    drawn = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (3, *shape)), out_axes=1)(index)
    return drawn.reshape(-1, *shape)
