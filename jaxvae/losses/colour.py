"""Coarse colour of images, without structure: a companion to losses of structure such as SSIM.

Images are [n, height, width, channels] in [0, 1].
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images
from jaxvae.types import Batch, Output, Term

CELLS = 3
"""Rows and columns that an image is averaged down to."""


@in_float32
def average_pool(images: Float[Array, "n h w c"]) -> Float[Array, "n 3 3 c"]:
    """Averages images down to 3x3 pixels.

    If a side is not divisible by 3, cells overlap by a pixel, as in PyTorch's `AdaptiveAvgPool2d`: cell i of a side of
    n pixels goes from floor(i n / 3) to ceil((i + 1) n / 3).

    Args:
        images: [n, h, w, c], any values, sides of at least 3 pixels.

    Returns:
        [n, 3, 3, c] in the same unit.

    Raises:
        ValueError: the images are not floating-point images, or smaller.
    """
    check_float_images("average_pool", images=images)
    height, width = images.shape[1:3]
    if min(height, width) < CELLS:
        raise ValueError(
            f"colour is compared in {CELLS} x {CELLS} cells, so images need at least {CELLS} x {CELLS} pixels, got "
            f"{height} x {width}; enlarge them or leave the colour out."
        )
    rows, columns = (jnp.asarray(_cells(side), images.dtype) for side in (height, width))
    # Two products, because XLA:CPU is slow at windows; their operands must not be rounded, as on GPU and TPU.
    high = jax.lax.Precision.HIGHEST
    across = jnp.einsum("nhwc,wj->nhjc", images, columns, precision=high)
    return jnp.einsum("nhjc,hi->nijc", across, rows, precision=high)


@in_float32
def colour_distance(a: Float[Array, "n h w c"], b: Float[Array, "n h w c"]) -> Float[Array, " n"]:
    """Mean squared error of images averaged down to 3x3 pixels.

    Args:
        a: [n, h, w, c] in [0, 1], sides of at least 3 pixels.
        b: [n, h, w, c], the same.

    Returns:
        [n], squared intensities averaged over the 9 cells and the channels, in [0, 1].

    Raises:
        ValueError: a and b are not floating-point images, differ in shape, or are smaller.

    References:
        Deep convolutional variational autoencoder to generate winged horses (the report), section 3.5.
    """
    check_float_images("colour_distance", a=a, b=b)
    return jnp.mean(jnp.square(average_pool(a) - average_pool(b)), axis=(1, 2, 3))


def colour_loss() -> Term:
    """Term: colour distance between the mean image sigmoid(logits) and the image.

    Returns:
        Term with [n], squared intensities. Likelihoods are sums over pixels, this is a mean, and coarse cells differ
        less than pixels do: it needs large weights.

    Raises:
        ValueError: (when the term is evaluated) images smaller than 3 pixels, or unlike the logits in shape.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        return colour_distance(jax.nn.sigmoid(output.logits), batch.image)

    return term


def _cells(side: int) -> np.ndarray:
    """[side, 3] matrix; each column averages over one cell."""
    pixel, cell = np.arange(side)[:, None], np.arange(CELLS)
    inside = (pixel >= cell * side // CELLS) & (pixel < -(-(cell + 1) * side // CELLS))
    return inside / inside.sum(0)
