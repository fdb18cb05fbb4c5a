"""How much of an example's class its latent code gives away.

Codes are [n, d], labels class numbers.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxvae.losses import gram, rbf

_BLOCK_SIZE = 128


def class_accuracy(codes: Float[Array, "n d"], labels: Int[Array, " n"], *, classes: int) -> Float[Array, ""]:
    """Share of examples whose class the codes of all other examples predict.

    The prediction is a Parzen classifier's, leave-one-out: every other example votes for its class, weighed by a
    Gaussian kernel of the distance between the codes, with Scott's bandwidth n^(-1 / (d + 4)) times the codes' own
    standard deviation. Codes that say nothing of the class give the share of the largest class.

    Args:
        codes: [n, d], n >= 2.
        labels: [n], in [0, classes); an example labelled -1 neither votes nor counts.
        classes: number of classes.

    Returns:
        Scalar in [0, 1].

    Raises:
        ValueError: fewer than two codes.

    References:
        Scott, Multivariate Density Estimation, Wiley 1992, equation 6.42 (bandwidth).
    """
    n, d = codes.shape
    if n < 2:
        raise ValueError(f"class_accuracy needs at least 2 codes, got {n}.")
    kernel = rbf(n ** (-1 / (d + 4)))
    scale = jnp.std(codes, axis=0)
    codes = codes / jnp.where(scale > 0, scale, 1)[None]
    votes = jax.nn.one_hot(labels, classes)

    def right(example: tuple[Int[Array, ""], Float[Array, " d"]]) -> Float[Array, ""]:
        position, code = example
        weights = jnp.where(jnp.arange(n) == position, 0, gram(kernel, code[None], codes)[0])
        return (jnp.argmax(weights @ votes) == labels[position]).astype(jnp.float32)

    counts = (labels >= 0).astype(jnp.float32)
    hits = jax.lax.map(right, (jnp.arange(n), codes), batch_size=_BLOCK_SIZE)
    return jnp.sum(hits * counts) / jnp.maximum(jnp.sum(counts), 1)
