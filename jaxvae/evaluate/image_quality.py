"""Quality of reconstructions and samples.

Images are [n, height, width, channels], float32 in [0, 1]. Functions return one value per image; evaluators average
over the data set.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.evaluate.mean import Evaluator, Forward, mean_evaluator
from jaxvae.losses import bernoulli_nll, ssim
from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images
from jaxvae.types import Batch, Variables

Sample: TypeAlias = Callable[[Key[Array, ""], Variables, int], Float[Array, "n h w c"]]
"""`(key, variables, n) -> [n, height, width, channels]` images in [0, 1] decoded from the prior."""


@in_float32
def mse(a: Float[Array, "n h w c"], b: Float[Array, "n h w c"]) -> Float[Array, " n"]:
    """Mean squared error per pixel and channel.

    Args:
        a: [n, height, width, channels] in [0, 1].
        b: the same.

    Returns:
        [n] in squared intensities, 0 to 1.

    Raises:
        ValueError: a and b are not floating-point images, or differ in shape.
    """
    check_float_images("mse", a=a, b=b)
    return jnp.mean(jnp.square(a - b), axis=(1, 2, 3))


@in_float32
def sharpness(images: Float[Array, "n h w c"]) -> Float[Array, " n"]:
    """Variance of the Laplacian, which blur decreases.

    The stencil is [[0, 1, 0], [1, -4, 1], [0, 1, 0]], applied to each channel without padding. The variance is over
    positions; channels are averaged.

    Args:
        images: [n, height, width, channels] in [0, 1], at least 3 x 3 pixels.

    Returns:
        [n] in squared intensities, 0 for an image without curvature.

    Raises:
        ValueError: the images are not floating-point images, or smaller than the stencil.

    References:
        Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000 (variance of the
        Laplacian); Tolstikhin et al., Wasserstein auto-encoders, ICLR 2018, section 4 (as sharpness of
        samples, there on grey images).
    """
    check_float_images("sharpness", images=images)
    if min(images.shape[1:3]) < 3:
        raise ValueError(f"sharpness needs images of at least 3 x 3 pixels, got {list(images.shape)}.")
    return jnp.mean(jnp.var(laplacian(images), axis=(1, 2)), axis=-1)


def laplacian(images: Float[Array, "n h w c"]) -> Float[Array, "n _ _ c"]:
    """The stencil of `sharpness` at every pixel that is not at the edge.

    Args:
        images: [n, height, width, channels], at least 3 x 3 pixels.

    Returns:
        [n, height - 2, width - 2, channels].
    """
    vertical = images[:, :-2, 1:-1] + images[:, 2:, 1:-1]
    horizontal = images[:, 1:-1, :-2] + images[:, 1:-1, 2:]
    return vertical + horizontal - 4 * images[:, 1:-1, 1:-1]


def reconstruction_evaluator(forward: Forward) -> Evaluator:
    """Builds an evaluator that compares mean reconstructions, sigmoid(logits), with the images.

    Args:
        forward: `(key, variables, batch) -> Output`.

    Returns:
        An evaluator that returns `bce` (Bernoulli cross-entropy, nats per image), `mse` (see the function of that
        name) and `ssim` (mean structural similarity, at most 1).
    """

    def statistics(key: Key[Array, ""], variables: Variables, batch: Batch) -> dict[str, Float[Array, " n"]]:
        logits = forward(key, variables, batch).logits
        image = jax.nn.sigmoid(logits)
        return {
            "bce": bernoulli_nll(logits, batch.image),
            "mse": mse(image, batch.image),
            "ssim": ssim(image, batch.image),
        }

    return mean_evaluator(statistics)


def sample_evaluator(sample: Sample) -> Evaluator:
    """Builds an evaluator that compares the sharpness of samples with that of the data.

    It draws one image per example.

    Args:
        sample: `(key, variables, n) -> [n, height, width, channels]` in [0, 1].

    Returns:
        An evaluator that returns `sharpness_samples` and `sharpness_data` (see `sharpness`), and their ratio
        `sharpness_ratio`: 1 if samples are as sharp as the data, NaN if the data has no sharpness at all.
    """

    def statistics(key: Key[Array, ""], variables: Variables, batch: Batch) -> dict[str, Float[Array, " n"]]:
        samples = sample(key, variables, len(batch.image))
        return {"sharpness_samples": sharpness(samples), "sharpness_data": sharpness(batch.image)}

    means = mean_evaluator(statistics)

    def evaluate(key: Key[Array, ""], variables: Variables, batches: Iterable[Batch]) -> dict[str, float]:
        metrics = means(key, variables, batches)
        data = metrics["sharpness_data"]
        return metrics | {"sharpness_ratio": metrics["sharpness_samples"] / data if data else float("nan")}

    return evaluate
