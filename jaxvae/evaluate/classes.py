"""How well an example's latent code predicts its class.

Codes are [n, d], labels class numbers.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxvae.losses import gram, rbf
from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_same_length

_BLOCK_SIZE = 128


@in_float32
def class_accuracy(codes: Float[Array, "n d"], labels: Int[Array, " n"], *, classes: int) -> Float[Array, ""]:
    """Share of examples whose class is predicted correctly from the codes of all other examples.

    The prediction is that of a leave-one-out Parzen classifier: every other example votes for its class, weighted by a
    Gaussian kernel of the distance between the codes, with Scott's bandwidth n^(-1 / (d + 4)) times the standard
    deviation of the codes. Codes that are independent of the class give the share of the largest class.

    Args:
        codes: [n, d], n >= 2.
        labels: [n], in [0, classes); an example labelled -1 neither votes nor counts.
        classes: number of classes.

    Returns:
        Scalar in [0, 1].

    Raises:
        ValueError: fewer than two codes, or codes and labels of different numbers of examples.

    References:
        Scott, Multivariate Density Estimation, Wiley 1992, equation 6.42 (bandwidth).
    """
    n, d = codes.shape
    if n < 2:
        raise ValueError(f"class_accuracy needs at least 2 codes, got {n}.")
    check_same_length("class_accuracy", codes=codes, labels=labels)
    kernel = rbf(n ** (-1 / (d + 4)))
    scale = jnp.std(codes, axis=0)
    codes = codes / jnp.where(scale > 0, scale, 1)[None]
    votes = jax.nn.one_hot(labels, classes)

    def is_correct(example: tuple[Int[Array, ""], Float[Array, " d"]]) -> Float[Array, ""]:
        position, code = example
        weights = jnp.where(jnp.arange(n) == position, 0, gram(kernel, code[None], codes)[0])
        counted = jnp.matmul(weights, votes, precision=jax.lax.Precision.HIGHEST)
        return (jnp.argmax(counted) == labels[position]).astype(jnp.float32)

    counts = (labels >= 0).astype(jnp.float32)
    hits = jax.lax.map(is_correct, (jnp.arange(n), codes), batch_size=_BLOCK_SIZE)
    return jnp.sum(hits * counts) / jnp.maximum(jnp.sum(counts), 1)
