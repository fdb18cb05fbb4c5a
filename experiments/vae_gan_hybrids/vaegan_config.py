"""What the VAE-GAN is compared with, and the flags of `vaegan`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaxvae import cli, losses, models, study


@dataclass(frozen=True, kw_only=True)
class Variant(study.Variant):
    """What sets a model apart; all have the same networks.

    Attributes:
        kind: "vae", "gan" or "vaegan".
        conditional: whether encoder, decoder and discriminator are given the attributes.
    """

    kind: str
    conditional: bool = False

    @property
    def program(self) -> str:
        """Every variant has a program of its own."""
        return "_".join([self.kind, *(["attributes"] if self.conditional else [])])


VARIANTS: Mapping[str, Variant] = {
    "VAE": Variant(kind="vae", note="Bernoulli likelihood of pixels in place of the discriminator."),
    "GAN": Variant(
        kind="gan", note="The encoder learns the prior alone, so that all that is decoded is drawn from it."
    ),
    "VAE-GAN": Variant(kind="vaegan"),
    "VAE, attributes": Variant(kind="vae", conditional=True),
    "GAN, attributes": Variant(kind="gan", conditional=True),
    "VAE-GAN, attributes": Variant(kind="vaegan", conditional=True),
}


@dataclass(frozen=True, kw_only=True)
class VAEGANConfig(cli.SamplesConfig):
    """Flags of the VAE-GAN; those of networks and losses hold for every variant that has them."""

    workdir: Path = Path("runs/vae_gan_hybrids_vaegan")
    """Directory for everything that the run leaves."""

    data: str = "celeb_a"
    """Data set: celeb_a, drawn_faces, folder:PATH with CelebA's list_attr.txt, or any other, whose classes are its
    attributes."""

    variants: tuple[str, ...] = tuple(VARIANTS)
    """What to train, by name. Figures of edited faces are of the VAE-GANs among them."""

    attributes: tuple[str, ...] = ()
    """Names of the attributes that conditional models are given and that are measured; all if none is named."""

    hold_out: int | None = None
    """Combinations of attributes whose images are left out of training, so that samples with them can be measured: from
    0 to a tenth of all, 8 or that tenth if not given, and none where an image's class is its attribute."""

    epochs: int = 30
    """Passes over the training data."""

    batch_size: int = 16
    """Examples in a batch, over all devices."""

    flip: bool = False
    """Mirror every other training image, anew in each epoch; good for faces, bad for digits."""

    latent_size: int = 128
    """Dimensions of the code."""

    widths: tuple[int, ...] = (24, 48, 96, 192)
    """Channels of the encoder's convolutions, each of which halves the image; the decoder mirrors them."""

    discriminator_widths: tuple[int, ...] = (16, 32, 64, 128)
    """Channels of the discriminator's convolutions, each of which halves the image."""

    hidden: int = 256
    """Size of the discriminator's dense layer."""

    feature_layer: int = 3
    """The discriminator's convolution whose activations compare an image and its reconstruction, 1 for the first."""

    normalisation: Literal["batch", "spectral", "none"] = "none"
    """Of the discriminator: "batch" is the paper's, "spectral" bounds every layer, beside the penalty."""

    game: Literal["minimax", "non_saturating", "least_squares", "hinge", "wasserstein"] = "non_saturating"
    """Losses of the discriminator and of the decoder that fools it; "minimax" with --penalty 0 is Algorithm 1, whose
    printed L_GAN has the opposite sign."""

    gamma: float = 0.1
    """Weight of the feature likelihood in the decoder's loss."""

    beta: float = 1.0
    """Weight of the KL divergence in the loss of a VAE-GAN's encoder, whose other term compares features."""

    smoothing: float = 0.0
    """What the discriminator's target for real images lacks of 1."""

    instance_noise: float = 0.0
    """Standard deviation of noise on what the discriminator sees at the start, which falls to 0 linearly."""

    penalty: float = 10.0
    """Weight of the discriminator's gradient penalty; "wasserstein" needs one, and with BatchNorm it must be 0."""

    equilibrium: bool = False
    """Let whoever of discriminator and decoder is too strong wait for the other."""

    equilibrium_target: float = 0.68
    """Loss of the discriminator around which nobody waits."""

    equilibrium_margin: float = 0.4
    """How far from it the loss may be before somebody waits."""

    learning_rate: float = 1e-3
    """Step size of every player at the start, which falls to 0 along a half cosine."""

    ema: float = 0.999
    """Weight of the old value in the moving average of the parameters that is evaluated in their place; 0 for none."""

    classifier_epochs: int = 10
    """Passes over the training data for the classifier of attributes."""

    samples: int = cli.free(2000)
    """Images drawn from each model for distances of sets, against as many real ones, if there are."""

    least_diversity: float = cli.free(0.5)
    """A model whose samples are less diverse than this share of the data's diversity, or less distinct from each other
    than a fifth of it, is reported as collapsed."""

    def __post_init__(self) -> None:
        """Refuses unknown variants, and numbers that make no run."""
        super().__post_init__()
        self.require_known("variants", VARIANTS)
        losses.adversarial(self.game, smoothing=self.smoothing)
        self.require_positive("learning_rate", "gamma", "beta")
        self.require_at_least(0, "hold_out")
        self.require_non_negative("instance_noise", "penalty", "equilibrium_margin", "least_diversity")
        if self.game == "wasserstein" and not self.penalty:
            raise ValueError(
                "the game wasserstein needs a gradient penalty > 0, such as --penalty 10, got 0."
            )
        if self.penalty and self.normalisation == "batch":
            raise ValueError(
                "the gradient penalty is of each image by itself, and a discriminator with BatchNorm looks at batches; "
                "use --normalisation spectral or none, or --penalty 0."
            )
        if self.equilibrium and self.smoothing:
            raise ValueError(
                f"the equilibrium looks at losses that --smoothing {self.smoothing:g} keeps from falling; leave one of "
                "the two out."
            )
        if self.equilibrium and self.game in ("hinge", "wasserstein", "least_squares"):
            raise ValueError(
                f"the equilibrium's target is a cross-entropy, which {self.game} does not have; use minimax or "
                "non_saturating, or leave --equilibrium out."
            )
        self.require_at_least(1, "classifier_epochs")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0, 1), got {self.ema}.")

    def make_model(
        self, image_shape: tuple[int, int, int], *, attributes: int, layout: models.Layout
    ) -> models.VAEGAN:
        """The networks.

        Args:
            image_shape: (height, width, channels).
            attributes: how many they are given; 0 for none.
            layout: of their convolutions.

        Returns:
            The Flax module.

        Raises:
            ValueError: images that are too small for the stages, or what `jaxvae.models.VAEGAN` refuses.
        """
        stages = max(len(self.widths), len(self.discriminator_widths))
        if min(image_shape[:2]) < 2**stages:
            raise ValueError(
                f"{stages} convolutions that halve an image need {2**stages} x {2**stages} pixels or more, got "
                f"{image_shape[0]} x {image_shape[1]}; use larger images or fewer widths."
            )
        return models.VAEGAN(
            image_shape,
            self.latent_size,
            self.widths,
            self.discriminator_widths,
            self.hidden,
            self.feature_layer,
            self.normalisation,
            attributes,
            layout=layout,
        )


PRESETS = cli.presets(
    VAEGANConfig,
    smoke={
        "data": "drawn",
        "image_size": 16,
        "variants": ("VAE", "GAN", "VAE-GAN", "VAE-GAN, attributes"),
        "epochs": 40,
        "batch_size": 50,
        "latent_size": 16,
        "widths": (8, 16),
        "discriminator_widths": (8, 16),
        "hidden": 32,
        "feature_layer": 2,
        "learning_rate": 2e-3,
        "classifier_epochs": 20,
        "samples": 80,
        "fid": False,
        "least_diversity": 0.0,
    },
)
