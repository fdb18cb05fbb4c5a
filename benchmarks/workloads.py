"""What is trained in a benchmark: network, objective and data, by name.

Images are NHWC, uint8 in [0, 255] in data sets and float32 in [0, 1] in batches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxvae import data, losses, models
from jaxvae.types import Prior

BANDWIDTHS = (0.5, 1.0, 2.0, 4.0)
"""Standard deviations of the MMD's RBF kernels."""

HIDDEN = 512
"""Width of the ladder's dense layers."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A model and what it is trained for.

    Attributes:
        image_shape: (height, width, channels).
        widths: channels of the encoder's stages.
        latent_sizes: size of each level's code, bottom first; a plain VAE has one level.
        weights: weight of each term of the objective.
        batch_size: usual number of examples in a step.
    """

    image_shape: tuple[int, int, int]
    widths: tuple[int, ...]
    latent_sizes: tuple[int, ...]
    weights: Mapping[str, float]
    batch_size: int

    @property
    def is_ladder(self) -> bool:
        """Whether there is a code at every stage."""
        return len(self.latent_sizes) > 1


_VAE = {"reconstruction": 1.0, "kl": 1.0}

WORKLOADS = {
    "ladder": Workload(
        image_shape=(28, 28, 1),
        widths=(32, 64, 128),
        latent_sizes=(2, 2, 2),
        weights={"reconstruction": 1.0, "ssim_loss": 200.0, "mmd": 200.0, "kl": 0.0},
        batch_size=128,
    ),
    "conv": Workload(
        image_shape=(28, 28, 1), widths=(32, 64, 128), latent_sizes=(10,), weights=_VAE, batch_size=128
    ),
    "horses": Workload(
        image_shape=(96, 96, 3), widths=(32, 64, 128, 256), latent_sizes=(64,), weights=_VAE, batch_size=64
    ),
}
"""By name: the ladder of `experiments.vlae_mnist`, a plain convolutional VAE on MNIST, and one on 96x96x3."""


def make_model(workload: Workload, precision: str) -> Any:
    """The network, in the layout that this platform likes.

    Args:
        workload: what to train.
        precision: "bfloat16" for matrix products of that type; any other leaves arrays float32.

    Returns:
        A Flax module.
    """
    layout = models.layout(precision="bfloat16" if precision == "bfloat16" else "float32")
    if workload.is_ladder:
        return models.VLAE(
            workload.image_shape,
            latent_sizes=workload.latent_sizes,
            widths=workload.widths,
            hidden=HIDDEN,
            layout=layout,
        )
    return models.VAE(
        workload.image_shape, latent_size=workload.latent_sizes[0], widths=workload.widths, layout=layout
    )


def make_objective(workload: Workload, priors: Sequence[Prior]) -> losses.Objective:
    """The objective.

    Args:
        workload: what to train.
        priors: one for each level; the MMD draws from them.

    Returns:
        Weighted sum of the workload's terms.
    """
    terms = {
        "reconstruction": losses.reconstruction("bernoulli"),
        "ssim_loss": losses.ssim_loss(),
        "mmd": losses.mmd(priors, losses.rbf(*BANDWIDTHS)),
        "kl": losses.kl(models.standard_priors(workload)),
    }
    return losses.compose({name: terms[name] for name in workload.weights}, workload.weights)


def make_dataset(workload: Workload, *, examples: int = 6400) -> data.Dataset:
    """The images: MNIST where they have its shape, else noise, which takes the same time.

    Args:
        workload: what to train.
        examples: how many images of noise to make.

    Returns:
        A data set in main memory.
    """
    if workload.image_shape == (28, 28, 1):
        return data.load("mnist", split="train")
    images = np.random.default_rng(0).integers(0, 256, (examples, *workload.image_shape), np.uint8)
    return data.from_arrays(images, np.zeros(examples, np.int32), name="noise")
