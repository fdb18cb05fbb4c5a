"""Our side of a workload: network, objective and images.

Images are NHWC, uint8 in [0, 255] in data sets and float32 in [0, 1] in batches.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from benchmarks.workloads import BANDWIDTHS, HIDDEN, Workload
from jaxvae import data, losses, models
from jaxvae.types import Batch, Output, Prior


def make_model(workload: Workload, precision: str) -> Any:
    """The network, in the layout that this platform likes.

    Args:
        workload: what to train.
        precision: "bfloat16" for matrix products of that type; any other leaves arrays float32.

    Returns:
        A Flax module.
    """
    layout = models.layout(precision="bfloat16" if precision == "bfloat16" else "float32")
    if workload.family == "ladder":
        return models.VLAE(
            workload.image_shape,
            latent_sizes=workload.latent_sizes,
            widths=workload.widths,
            hidden=HIDDEN,
            layout=layout,
        )
    network = {"plain": models.VAE, "deep": models.DeepConvVAE}[workload.family]
    return network(
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
        "colour_loss": losses.colour_loss(),
        "mmd": losses.mmd(priors, losses.rbf(*BANDWIDTHS)),
        "kl": losses.kl(models.standard_priors(workload)),
        "square": _square,
    }
    return losses.compose({name: terms[name] for name in workload.weights}, workload.weights)


def _square(key: Any, output: Output, batch: Batch) -> Float[Array, " n"]:
    """Half the squared norm of the logits: costs next to nothing, and its gradient reaches everything."""
    return 0.5 * jnp.sum(jnp.square(output.logits).reshape(len(output.logits), -1), axis=1)


def make_images(workload: Workload, *, examples: int = 6400) -> UInt8[np.ndarray, "n h w c"]:
    """The images: MNIST where they have its shape, else noise, which takes the same time.

    Args:
        workload: what to train.
        examples: how many images of noise to make.

    Returns:
        In main memory.
    """
    if workload.image_shape == (28, 28, 1):
        return data.load("mnist", split="train").images
    return np.random.default_rng(0).integers(0, 256, (examples, *workload.image_shape), np.uint8)


def make_source(
    images: UInt8[np.ndarray, "n h w c"], batch_size: int, *, streamed: bool = False
) -> data.Resident:
    """Batches of images from the device's memory, or from the host's.

    Args:
        images: of `make_images`.
        batch_size: examples in a batch.
        streamed: whether the device holds the images of a few steps only.

    Returns:
        What a train step gathers from.
    """
    dataset = data.from_arrays(images, np.zeros(len(images), np.int32), name="benchmark")
    return (data.Streamed if streamed else data.Resident)(dataset, batch_size=batch_size)
