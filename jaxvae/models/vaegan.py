"""VAE-GAN: a VAE whose decoder is also a GAN's generator, and whose reconstructions a discriminator's features compare.

Images are NHWC, float32 in [0, 1]; the decoder returns logits. Codes are tuples of one array. Attributes are vectors
[n, attributes] of numbers from 0 to 1.
"""

from dataclasses import field

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.autoencoder import Autoencoder
from jaxvae.models.discriminators import NORMALISATIONS, ImageDiscriminator
from jaxvae.models.halves import Decoder, Encoder, check_sizes
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.named_priors import draw_each
from jaxvae.models.posterior import reparameterize
from jaxvae.models.priors import Normal
from jaxvae.types import AdversarialOutput, Logits, Output, Posterior

_PRIOR_DRAWS, _INSTANCE_NOISE = 1, 2  # numbers of their keys; the codes' draws have those of their levels


class VAEGAN(Autoencoder):
    """Encoder, decoder and a discriminator of images; with attributes all three are given them.

    Its parameters are the subtrees "encoder", "decoder" and "discriminator". A GAN and a VAE of the same networks are
    this model with other weights of the same terms.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        discriminator_widths: channels of the discriminator's convolutions, which halve the image too.
        hidden: size of the discriminator's dense layer.
        feature_layer: which of the discriminator's convolutions gives the features, 1 for the first.
        normalisation: of the discriminator, "batch", "spectral" or "none".
        attributes: size of the attribute vectors; 0 for none.
        axis_name: `pmap` axis over which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

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
        """Refuses what makes no network.

        Raises:
            ValueError: a chain without layers, a size that is not positive, a feature layer that is not there, an
                unknown normalisation, or fewer attributes than none.
        """
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
    def latent_sizes(self) -> tuple[int, ...]:
        """Size of the one level's code."""
        return (self.latent_size,)

    def setup(self) -> None:
        """Builds the three networks."""
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

    def encode(
        self, image: Float[Array, "n h w c"], train: bool = False, *, label: Float[Array, "_ _"] | None = None
    ) -> tuple[Posterior, ...]:
        """q(z | x), or q(z | x, y).

        Args:
            image: in [0, 1], of the shape that the model was built for.
            train: whether BatchNorm uses the batch's statistics.
            label: [n, attributes], the images' attributes, if the model has any.

        Returns:
            One posterior; the network puts out mean and log variance.

        Raises:
            ValueError: images of another shape, or not one vector of attributes for each.
        """
        h = self.encoder(image, train, self._given(label, len(image)))
        mean, log_variance = jnp.split(h, 2, axis=-1)
        return (Posterior(mean, jnp.exp(log_variance / 2)),)

    def decode(
        self,
        latents: tuple[Float[Array, "n _"], ...],
        train: bool = False,
        *,
        label: Float[Array, "_ _"] | None = None,
    ) -> Float[Array, "n h w c"]:
        """Logits of p(x | z), or of p(x | z, y).

        Args:
            latents: one array.
            train: whether BatchNorm uses the batch's statistics.
            label: [n, attributes], attributes of each image to be, if the model has any.

        Returns:
            Logits; their sigmoid is the mean image.

        Raises:
            ValueError: latents of another number or size, or not one vector of attributes for each.
        """
        sizes = tuple(z.shape[-1] for z in latents)
        if sizes != self.latent_sizes:
            raise ValueError(f"this model has one latent of size {self.latent_size}, got latents of {sizes}.")
        given = self._given(label, len(latents[0]))
        return self.decoder(latents[0] if given is None else jnp.concatenate([*latents, given], -1), train)

    def discriminate(
        self, image: Float[Array, "n h w c"], train: bool = False, *, label: Float[Array, "_ _"] | None = None
    ) -> Logits:
        """How real images look.

        Args:
            image: of the shape that the model was built for.
            train: whether BatchNorm uses the batch's statistics.
            label: [n, attributes], which the images should have, if the model has any.

        Returns:
            Logits, large for real.

        Raises:
            ValueError: images of another shape, or not one vector of attributes for each.
        """
        return self.discriminator(image, train, self._given(label, len(image)))[0]

    def __call__(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        train: bool = False,
        *,
        label: Float[Array, "_ _"] | None = None,
    ) -> Output:
        """Encodes, draws a code, and decodes.

        Args:
            key: for the draw.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, which decides the noise that it meets.
            train: whether BatchNorm uses the batch's statistics.
            label: [n, attributes], the images' attributes, if the model has any.

        Returns:
            Logits, posterior and latent.

        Raises:
            ValueError: images of another shape, or not one vector of attributes for each.
        """
        if self.is_initializing():
            self.discriminate(image, train, label=label)
        posteriors = self.encode(image, train, label=label)
        return self._output(key, index, posteriors, lambda z: self.decode(z, train, label=label))

    def play(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        *,
        label: Float[Array, "_ _"] | None = None,
        noise: float | Float[Array, ""] | None = None,
        train: bool = True,
    ) -> AdversarialOutput:
        """One forward pass that serves all players.

        Reconstructions and samples are decoded as one batch, and judged as one batch with the images, so that
        BatchNorm treats the features of an image and of its reconstruction alike.

        Args:
            key: for the draws.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, which decides the draws that it meets.
            label: [n, attributes], the images' attributes, if the model has any; the samples get the same.
            noise: standard deviation of Gaussian noise on the images and fakes that are judged; none if not given.
                What is returned as real and fakes has none.
            train: whether BatchNorm uses the batch's statistics.

        Returns:
            The autoencoder's output; real are the images, and fake the reconstructions and samples from the prior.

        Raises:
            ValueError: images of another shape, or not one vector of attributes for each.
        """
        n = len(image)
        posteriors = self.encode(image, train, label=label)
        code = reparameterize(jax.random.fold_in(key, 0), posteriors[0], index)
        sampled = draw_each(jax.random.fold_in(key, _PRIOR_DRAWS), Normal(dim=self.latent_size), index)
        drawn = self.decode((jnp.concatenate([code, sampled]),), train, label=_repeated(label, 2))
        fakes = nn.sigmoid(drawn)
        shown = jnp.concatenate([image, fakes])
        if noise is not None:
            shown += noise * _noise(jax.random.fold_in(key, _INSTANCE_NOISE), index, image.shape[1:])
        logits, features = self.discriminator(shown, train, self._given(_repeated(label, 3), 3 * n))
        return AdversarialOutput(
            drawn[:n],
            posteriors,
            (code,),
            real=image,
            fakes=(fakes[:n], fakes[n:]),
            real_logits=Logits(logits[:n]),
            fake_logits=(Logits(logits[n : 2 * n]), Logits(logits[2 * n :])),
            real_features=features[:n],
            fake_features=features[n : 2 * n],
        )

    def _given(self, label: Float[Array, "_ _"] | None, n: int) -> Float[Array, "n _"] | None:
        """The attributes, if they are what the model was built for."""
        came = None if label is None else label.shape
        expected = (n, self.attributes) if self.attributes else None
        if came != expected:
            raise ValueError(f"this model takes attributes of shape {expected}, got {came}.")
        return label


def _repeated(label: Float[Array, "n a"] | None, times: int) -> Float[Array, "m a"] | None:
    return None if label is None else jnp.tile(label, (times, 1))


def _noise(key: Key[Array, ""], index: Int[Array, " n"], shape: tuple[int, ...]) -> Float[Array, "m h w c"]:
    """Unit noise for the images, their reconstructions and the samples."""
    drawn = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (3, *shape)), out_axes=1)(index)
    return drawn.reshape(-1, *shape)
