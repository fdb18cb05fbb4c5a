"""Adversarial autoencoder: a discriminator of codes takes the place of a VAE's KL divergence.

Images are NHWC, float32 in [0, 1]; the decoder returns logits.
"""

from dataclasses import field

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key
from typing_extensions import override

from jaxvae.models.autoencoder import OneLevelAutoencoder
from jaxvae.models.discriminators import LatentDiscriminator
from jaxvae.models.halves import Decoder, Encoder, check_sizes
from jaxvae.models.layouts import Layout, layout
from jaxvae.models.named_priors import draw_each, prior
from jaxvae.models.priors import LabelledPrior, Samplable
from jaxvae.types import AdversarialOutput, Logits, Posterior

_PRIOR_DRAWS = 1  # folded into the key; the codes' draws fold in the numbers of their levels


class AAE(OneLevelAutoencoder):
    """The encoder and decoder of a `VAE` of the same widths, and a discriminator between codes and draws from a prior.

    Its parameters are the subtrees "encoder", "decoder" and "discriminator". A deterministic encoder's posterior has
    standard deviation 0. With a Gaussian encoder and losses that leave the discriminator alone, the model is a VAE.

    Attributes:
        image_shape: (height, width, channels).
        latent_size: size of z.
        widths: channels of the encoder's stages; each halves the image, rounding up.
        hidden: sizes of the discriminator's hidden layers.
        prior: prior of the codes, a name in `PRIORS`.
        classes: number of parts of the prior, if it has parts.
        gaussian: whether the encoder returns a Gaussian; otherwise it is deterministic and returns the code.
        informed: whether the discriminator gets the label too, so that each class gets a part of the prior to itself.
        axis_name: of the axis over devices along which BatchNorm shares its statistics.
        layout: memory layout of the convolutions and precision of products; by platform if not given.

    Raises:
        ValueError: a chain without layers, a size that is not positive, an unknown prior or one of another
            size, or labels for a prior without parts.

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
        check_sizes("an AAE", self.image_shape, self.latent_size, widths=self.widths, hidden=self.hidden)
        (target,) = self.priors
        if self.informed and not isinstance(target, LabelledPrior):
            raise ValueError(f"the prior {self.prior} has no parts for the classes; use ring or swiss_roll.")
        super().__post_init__()

    @property
    @override
    def priors(self) -> tuple[Samplable, ...]:
        return (prior(self.prior, dim=self.latent_size, classes=self.classes),)

    @override
    def setup(self) -> None:
        outputs = (1 + self.gaussian) * self.latent_size
        self.encoder = Encoder(outputs, self.image_shape, self.widths, self.layout, self.axis_name)
        self.decoder = Decoder(self.image_shape, self.widths, self.layout, self.axis_name)
        self.discriminator = LatentDiscriminator(self.hidden, self.layout)

    @override
    def _encode(self, image: Float[Array, "n h w c"], train: bool) -> tuple[Posterior, ...]:
        h = self.encoder(image, train)
        if not self.gaussian:
            return (Posterior(h, jnp.zeros_like(h)),)
        mean, log_variance = jnp.split(h, 2, axis=-1)
        return (Posterior(mean, jnp.exp(log_variance / 2)),)

    @override
    def _decode(self, latents: tuple[Float[Array, "n _"], ...], train: bool) -> Float[Array, "n h w c"]:
        if self.is_initializing():  # nothing else that `init` calls creates the discriminator's parameters
            self.discriminate(latents[0], label=jnp.full(len(latents[0]), -1))
        return self.decoder(latents[0], train)

    def discriminate(self, code: Float[Array, "n d"], *, label: Int[Array, " n"] | None = None) -> Logits:
        """Logits of the codes being draws from the prior.

        Args:
            code: [n, latent_size].
            label: [n], class of each code, -1 where unknown; ignored unless the model is `informed`.

        Returns:
            Logits, large for draws from the prior.

        Raises:
            ValueError: no labels for an informed model.
        """
        return self.discriminator(code, self._one_hot(label))

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
            index: position of each example in the global batch, which decides its draws.
            label: [n], class of each image, -1 where unknown. An informed model's discriminator gets it with the code
                and with a draw from the class's part of the prior.
            train: whether BatchNorm uses the batch's statistics.

        Returns:
            The autoencoder's output; real are draws from the prior, and the only kind of fakes are the codes.

        Raises:
            ValueError: images of another shape.
        """
        output = self(key, image, index, train)
        (code,) = output.latents
        part = label if self.informed else None
        drawn = draw_each(jax.random.fold_in(key, _PRIOR_DRAWS), self.priors[0], index, part)
        return AdversarialOutput(
            output.logits,
            output.posteriors,
            output.latents,
            real=drawn,
            fakes=(code,),
            real_logits=self.discriminate(drawn, label=label),
            fake_logits=(self.discriminate(code, label=label),),
        )

    def _one_hot(self, label: Int[Array, " n"] | None) -> Float[Array, "n _"] | None:
        """One-hot labels, with an additional class for unknown ones; None unless the model is `informed`."""
        if not self.informed:
            return None
        if label is None:
            raise ValueError(
                "this model's discriminator takes labels, got none; pass -1 where they are unknown."
            )
        return jax.nn.one_hot(jnp.where(label < 0, self.classes, label), self.classes + 1)
