"""The centre of images against their border. Images are [n, height, width, channels], float32 in [0, 1]."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxvae.evaluate.image_quality import laplacian
from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images

RADIUS = 1 / 3
"""Of the central disc, in sides of the image."""


def central_disc(height: int, width: int) -> Bool[np.ndarray, "{height} {width}"]:
    """Which pixels lie in the central disc, 35 % of a square image; an ellipse in others.

    Args:
        height: at least 3 pixels.
        width: at least 3 pixels.

    Returns:
        True in the disc, False at the border.

    Raises:
        ValueError: fewer pixels.
    """
    if min(height, width) < 3:
        raise ValueError(f"a centre and a border need 3 x 3 pixels or more, got {height} x {width}.")
    vertical, horizontal = ((np.arange(side) + 0.5) / side - 0.5 for side in (height, width))
    return np.square(vertical)[:, None] + np.square(horizontal)[None] < RADIUS**2


@in_float32
def regional_mse(
    a: Float[Array, "n h w c"], b: Float[Array, "n h w c"]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Mean squared error in the central disc and at the border.

    Args:
        a: [n, height, width, channels] in [0, 1].
        b: the same.

    Returns:
        [n] in squared intensities for the disc, and [n] for the border.

    Raises:
        ValueError: a and b are not floating-point images, differ in shape, or have no border.
    """
    check_float_images("regional_mse", a=a, b=b)
    return _split(jnp.mean(jnp.square(a - b), axis=-1), central_disc(*a.shape[1:3]))


@in_float32
def regional_sharpness(images: Float[Array, "n h w c"]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Variance of the Laplacian in the central disc and at the border, as `sharpness` for the whole image.

    Args:
        images: [n, height, width, channels] in [0, 1], at least 5 x 5 pixels.

    Returns:
        [n] in squared intensities for the disc, and [n] for the border.

    Raises:
        ValueError: the images are not floating-point images, or smaller.
    """
    check_float_images("regional_sharpness", images=images)
    if min(images.shape[1:3]) < 5:
        raise ValueError(f"sharpness of centre and border needs 5 x 5 pixels, got {list(images.shape)}.")
    curvature, disc = laplacian(images), central_disc(*images.shape[1:3])[1:-1, 1:-1]
    centre, border = (
        jnp.mean(jnp.var(curvature, axis=(1, 2), where=region[None, :, :, None]), axis=-1)
        for region in (disc, ~disc)
    )
    return centre, border


def _split(
    values: Float[Array, "n h w"], disc: Bool[np.ndarray, "h w"]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    return jnp.mean(values[:, disc], axis=-1), jnp.mean(values[:, ~disc], axis=-1)
