"""What is trained in a benchmark, by name: plain records, which PyTorch's processes read without importing JAX."""

from collections.abc import Mapping
from dataclasses import dataclass

BANDWIDTHS = (0.5, 1.0, 2.0, 4.0)
"""Standard deviations of the MMD's RBF kernels."""

HIDDEN = 512
"""Width of the ladder's dense layers."""

FAMILIES = ("ladder", "plain", "deep")
"""Networks: `jaxvae.models.VLAE`, `VAE` and `DeepConvVAE`."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A model and what it is trained for.

    Attributes:
        family: one of `FAMILIES`.
        image_shape: (height, width, channels).
        widths: channels of the encoder's stages.
        latent_sizes: size of each level's code, bottom first; only a ladder has several.
        weights: weight of each term of the objective; "square", half the logits' squared norm, stands in for the
            reconstruction where that is left out.
        batch_size: usual number of examples in a step.
    """

    family: str
    image_shape: tuple[int, int, int]
    widths: tuple[int, ...]
    latent_sizes: tuple[int, ...]
    weights: Mapping[str, float]
    batch_size: int


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
}
"""By name: the ladder of `experiments.vlae_mnist`, a plain convolutional VAE on MNIST, and what
`experiments.winged_horses` trains on 96x96x3."""
