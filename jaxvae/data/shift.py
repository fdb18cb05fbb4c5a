"""Random shifts of training images."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key


def shift(
    key: Key[Array, ""], image: Float[Array, "n h w c"], index: Int[Array, " n"], *, pixels: int = 4
) -> Float[Array, "n h w c"]:
    """Moves each image by a random number of pixels in each direction; what enters is mirrored from inside.

    Args:
        key: decides how far each image is moved.
        image: images in [0, 1], larger than `pixels` on both sides.
        index: position of each example in the global batch. Example i's draw depends only on the key and index[i], so
            that it does not depend on how the batch is distributed over devices.
        pixels: the farthest that an image is moved up, down, left or right, at least 0.

    Returns:
        Images in [0, 1] of the same shape.
    """
    places = jax.vmap(lambda i: jax.random.randint(jax.random.fold_in(key, i), (2,), 0, 2 * pixels + 1))(
        index
    )
    _, height, width, _ = image.shape
    for axis, (side, start) in enumerate(zip((height, width), places.T, strict=True), start=1):
        rows = jnp.arange(side)[None] + start[:, None] - pixels
        rows = jnp.abs(rows)
        rows = (side - 1) - jnp.abs(side - 1 - rows)
        shape = [len(image), 1, 1, 1]
        shape[axis] = side
        image = jnp.take_along_axis(image, rows.reshape(shape), axis=axis)
    return image
