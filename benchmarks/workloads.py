"""The trainings of a benchmark, by name: plain records, which PyTorch's processes read without importing JAX."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

BANDWIDTHS = (0.5, 1.0, 2.0, 4.0)
"""Standard deviations of the MMD's RBF kernels."""

HIDDEN = 512
"""Width of the ladder's dense layers."""

FAMILIES = ("ladder", "plain", "deep", "aae", "vaegan")
"""Networks: `jaxvae.models.VLAE`, `VAE`, `DeepConvVAE`, `AAE` and `VAEGAN`."""


@dataclass(frozen=True, kw_only=True)
class Game:
    """The discriminator of an autoencoder.

    Attributes:
        widths: sizes of the discriminator's layers before the last one or two: dense ones where it sees codes,
            convolutions where it sees images.
        hidden: size of the dense layer after its convolutions.
        feature_layer: its convolution in which images are compared, 1 for the first.
        gamma: weight of that comparison in the decoder's loss.
        norm: whether its convolutions but the first have BatchNorm.
        penalty: weight of its gradient penalty, at a point between each image and its reconstruction and between the
            image and a sample; 0 leaves it out. It is of single images, so that it needs a discriminator without
            BatchNorm.
    """

    widths: tuple[int, ...]
    hidden: int = 512
    feature_layer: int = 1
    gamma: float = 1e-2
    norm: bool = True
    penalty: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A model and its loss.

    Attributes:
        family: one of `FAMILIES`.
        image_shape: (height, width, channels).
        widths: channels of the encoder's stages.
        latent_sizes: size of each level's code, bottom first; only a ladder has several.
        weights: weight of each term of the objective.
        batch_size: usual number of examples in a step.
        game: for several players, whose losses are the published ones in place of `weights`; None for one player.
    """

    family: str
    image_shape: tuple[int, int, int]
    widths: tuple[int, ...]
    latent_sizes: tuple[int, ...]
    weights: Mapping[str, float]
    batch_size: int
    game: Game | None = None


_FACES = Game(widths=(16, 32, 64, 128), hidden=256, feature_layer=3)

WORKLOADS = {
    "ladder": Workload(
        family="ladder",
        image_shape=(28, 28, 1),
        widths=(32, 64, 128),
        latent_sizes=(2, 2, 2),
        weights={"reconstruction": 1.0, "ssim_loss": 200.0, "mmd": 200.0, "kl": 0.0},
        batch_size=128,
    ),
    "conv": Workload(
        family="plain",
        image_shape=(28, 28, 1),
        widths=(32, 64, 128),
        latent_sizes=(10,),
        weights={"reconstruction": 1.0, "kl": 1.0},
        batch_size=128,
    ),
    "horses": Workload(
        family="deep",
        image_shape=(96, 96, 3),
        widths=(32, 64, 128, 256),
        latent_sizes=(1024,),
        weights={"ssim_loss": 13_824.0, "colour_loss": 414_720.0, "kl": 1.0},
        batch_size=64,
    ),
    "aae": Workload(
        family="aae",
        image_shape=(28, 28, 1),
        widths=(16, 32, 64),
        latent_sizes=(2,),
        weights={},
        batch_size=100,
        game=Game(widths=(256, 256)),
    ),
    "vaegan": Workload(
        family="vaegan",
        image_shape=(64, 64, 3),
        widths=(24, 48, 96, 192),
        latent_sizes=(128,),
        weights={},
        batch_size=32,
        game=_FACES,
    ),
    "vaegan_penalty": Workload(
        family="vaegan",
        image_shape=(64, 64, 3),
        widths=(24, 48, 96, 192),
        latent_sizes=(128,),
        weights={},
        batch_size=16,
        game=replace(_FACES, gamma=0.1, norm=False, penalty=10.0),
    ),
}
"""By name: the ladder of `experiments.vlae_mnist`, a plain convolutional VAE on MNIST, what
`experiments.winged_horses` trains on 96x96x3, and the two games of `experiments.vae_gan_hybrids`. The
VAE-GAN is there twice: with the paper's BatchNorm in its discriminator, and with the experiment's own
gradient penalty and batch. Every player has Adam of a constant learning rate; the experiments' own, with
less momentum for a VAE-GAN and a rate that falls, take the same products."""
