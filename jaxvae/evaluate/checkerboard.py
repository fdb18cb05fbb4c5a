"""Checkerboard artifacts of transposed convolutions in images, [n, height, width, channels] in [0, 1]."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images


@in_float32
def checkerboard(images: Float[Array, "n h w c"], *, stride: int = 2) -> Float[Array, " n"]:
    """Share of an image's energy at the stride frequency: in patterns that repeat every `stride` pixels.

    An image is averaged over all of its tiles of stride x stride pixels. The variance within the average tile is the
    image's power at the nonzero frequencies that are multiples of 1 / stride in both directions; it is divided by the
    image's variance, its power at all nonzero frequencies. Photographs have hardly any.

    Args:
        images: [n, height, width, channels], any values; sides of at least two tiles. Pixels at the bottom and on the
            right that fill no tile are ignored.
        stride: period of the pattern in pixels, at least 2: the stride of a decoder's last layer, or a product of its
            last strides.

    Returns:
        [n], from 0 (also for a constant image) to 1 (nothing but the pattern); both powers are summed over channels.

    Raises:
        ValueError: the images are not floating-point images, the stride is below 2, or the images are smaller than two
            tiles.

    References:
        Odena, Dumoulin & Olah, Deconvolution and Checkerboard Artifacts, Distill 2016.
    """
    check_float_images("checkerboard", images=images)
    rows, columns = (side // max(stride, 1) for side in images.shape[1:3])
    if stride < 2 or min(rows, columns) < 2:
        raise ValueError(
            "a pattern repeats after at least 2 pixels and at least once in each direction, got stride "
            f"{stride} and images of {images.shape[1]} x {images.shape[2]} pixels."
        )
    whole = images[:, : rows * stride, : columns * stride]
    # A constant image has a variance of about this size, from rounding of the mean.
    rounding = (
        jnp.finfo(images.dtype).eps ** 2 * jnp.mean(jnp.square(whole), axis=(1, 2, 3)) * images.shape[-1]
    )
    whole = whole - jnp.mean(whole, axis=(1, 2), keepdims=True)
    tile = jnp.mean(whole.reshape(len(images), rows, stride, columns, stride, -1), axis=(1, 3))
    pattern, total = (jnp.mean(jnp.square(x), axis=(1, 2)).sum(-1) for x in (tile, whole))
    varied = total > 100 * rounding
    return jnp.where(varied, pattern / jnp.where(varied, total, 1), 0)
