"""Adversarial autoencoder: a discriminator of codes stands where the KL of a VAE does.

Images are NHWC, float32 in [0, 1]; the decoder returns logits. Codes are tuples of one array.
"""

from dataclasses import field

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.autoencoder import Autoencoder
from jaxvae.models.discriminators import LatentDiscriminator
from jaxvae.models.halves import Decoder, Encoder, check_sizes
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.named_priors import LabelledPrior, draw_each, prior
from jaxvae.types import AdversarialOutput, Logits, Posterior

_PRIOR_DRAWS = 1  # number of their key; the codes' draws have those of their levels


class AAE(Autoencoder):
    """The encoder and decoder of a `VAE` of the same widths, and a discriminator between codes and draws from a prior.

    Its parameters are the subtrees "encoder", "decoder" and "discriminator". With a Gaussian encoder it is also a
    VAE, for losses that leave the discriminator alone.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        hidden: sizes of the discriminator's hidden layers.
        prior: what the codes shall be distributed as, a name in `PRIORS`.
        classes: number of parts of the prior, if it has such.
        gaussian: whether the encoder puts out a Gaussian; if not, the code is its mean, with standard deviation 0.
        informed: whether the discriminator is told the label, so that each class gets its own part of the prior.
        axis_name: `pmap` axis over which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    References:
        Makhzani et al., Adversarial Autoencoders, ICLR 2016 workshop, sections 2 and 2.3.
    """

    image_shape: tuple[int, int, int]
    latent_size: int = 2
    widths: tuple[int, ...] = (32, 64, 128)
    hidden: tuple[int, ...] = (512, 512)
    prior: str = "normal"
    classes: int = 10
    gaussian: bool = False
    informed: bool = False
    axis_name: str | None = None
    layout: Layout = field(default_factory=layout)

    def __post_init__(self) -> None:
        """Refuses what makes no network.

        Raises:
            ValueError: a chain without layers, a size that is not positive, an unknown prior or one of another
                size, or labels for a prior without parts.
        """
        check_sizes("an AAE", self.image_shape, self.latent_size, widths=self.widths, hidden=self.hidden)
        target = prior(self.prior, dim=self.latent_size, classes=self.classes)
        if self.informed and not isinstance(target, LabelledPrior):
            raise ValueError(
                f"the prior {self.prior} has no parts that labels could tell; use ring or swiss_roll."
            )
        super().__post_init__()

    @property
    def latent_sizes(self) -> tuple[int, ...]:
        """Size of the one level's code."""
        return (self.latent_size,)

    def setup(self) -> None:
        """Builds the three networks."""
        outputs = (1 + self.gaussian) * self.latent_size
        self.encoder = Encoder(outputs, self.image_shape, self.widths, self.layout, self.axis_name)
        self.decoder = Decoder(self.image_shape, self.widths, self.layout, self.axis_name)
        self.discriminator = LatentDiscriminator(self.hidden, self.layout)
        self.target = prior(self.prior, dim=self.latent_size, classes=self.classes)

    def encode(self, image: Float[Array, "n h w c"], train: bool = False) -> tuple[Posterior, ...]:
        """q(z | x).

        Args:
            image: in [0, 1], of the shape that the model was built for.
            train: whether BatchNorm uses the batch's statistics.

        Returns:
            One posterior; its standard deviation is 0 where the encoder is deterministic.

        Raises:
            ValueError: images of another shape.
        """
        h = self.encoder(image, train)
        if not self.gaussian:
            return (Posterior(h, jnp.zeros_like(h)),)
        mean, log_variance = jnp.split(h, 2, axis=-1)
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
        logits = self.decoder(self._only(latents), train)
        if self.is_initializing():  # nothing else that `init` reaches gives the discriminator its parameters
            self.discriminate(latents[0], label=jnp.full(len(latents[0]), -1))
        return logits

    def discriminate(self, code: Float[Array, "n d"], *, label: Int[Array, " n"] | None = None) -> Logits:
        """How much codes look like draws from the prior.

        Args:
            code: [n, latent_size].
            label: [n], the class of each, -1 where unknown; not looked at unless the model is `informed`.

        Returns:
            Logits, large for the prior.

        Raises:
            ValueError: no labels for an informed model.
        """
        return self.discriminator(code, self._told(label))

    def play(
        self,
        key: Key[Array, ""],
        image: Float[Array, "n h w c"],
        index: Int[Array, " n"],
        *,
        label: Int[Array, " n"],
        train: bool = True,
    ) -> AdversarialOutput:
        """One forward pass that serves all players.

        Args:
            key: for the draws.
            image: in [0, 1], of the shape that the model was built for.
            index: position of each example in the global batch, which decides the draws that it meets.
            label: [n], each image's class, -1 where unknown. An informed model's discriminator is told it with the
                code, and with a draw from that class's part of the prior.
            train: whether BatchNorm uses the batch's statistics.

        Returns:
            The autoencoder's output; real are the prior's draws, and the one kind of fakes are the codes.

        Raises:
            ValueError: images of another shape.
        """
        output = self(key, image, index, train)
        (code,) = output.latents
        part = label if self.informed else None
        drawn = draw_each(jax.random.fold_in(key, _PRIOR_DRAWS), self.target, index, part)
        return AdversarialOutput(
            output.logits,
            output.posteriors,
            output.latents,
            real=drawn,
            fakes=(code,),
            real_logits=self.discriminate(drawn, label=label),
            fake_logits=(self.discriminate(code, label=label),),
        )

    def _told(self, label: Int[Array, " n"] | None) -> Float[Array, "n _"] | None:
        """The label's one-hot vector, with a place of its own for those that are unknown."""
        if not self.informed:
            return None
        if label is None:
            raise ValueError(
                "this model's discriminator is told labels, got none; pass -1 where they are unknown."
            )
        return jax.nn.one_hot(jnp.where(label < 0, self.classes, label), self.classes + 1)

    def _only(self, latents: tuple[Float[Array, "n _"], ...]) -> Float[Array, "n d"]:
        sizes = tuple(z.shape[-1] for z in latents)
        if sizes != self.latent_sizes:
            raise ValueError(f"this model has one latent of size {self.latent_size}, got latents of {sizes}.")
        return latents[0]
