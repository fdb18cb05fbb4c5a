"""Draws from approximate posteriors."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jaxvae.types import FullPosterior, Posterior


def reparameterize(key: Key[Array, ""], posterior: Posterior, index: Int[Array, " n"]) -> Float[Array, "n d"]:
    """Draws z = mean + stddev * noise, or mean + factor noise with a full covariance, differentiable in both.

    Args:
        key: source of randomness.
        posterior: mean and standard deviation, [n, d] each.
        index: position of each example in the global batch. Example i's noise depends only on the key and on
            index[i], so that it is the same however the batch is spread over devices.

    Returns:
        One draw for each example.

    References:
        Kingma & Welling, Auto-Encoding Variational Bayes, ICLR 2014, section 2.4.
    """
    noise = _noise(key, index, posterior.mean.shape[-1])
    return posterior.draw(noise)


def reparameterize_levels(
    key: Key[Array, ""], posteriors: Sequence[Posterior], index: Int[Array, " n"]
) -> tuple[Float[Array, "n _"], ...]:
    """Draws from the posteriors of all levels in one pass of the generator.

    Args:
        key: source of randomness.
        posteriors: of each level, [n, d] each, where d may differ.
        index: as in `reparameterize`.

    Returns:
        For each level l, counted from 0, what `reparameterize` draws with `jax.random.fold_in(key, l)`.
    """
    sizes = [q.mean.shape[-1] for q in posteriors]
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(len(sizes)))
    noise = jax.vmap(_noise, (0, None, None))(keys, index, max(sizes))
    # The first numbers of a draw do not depend on how many there are.
    return tuple(
        q.draw(noise[level, :, :size]) for level, (q, size) in enumerate(zip(posteriors, sizes, strict=True))
    )


def full_posterior(mean: Float[Array, "n d"], entries: Float[Array, "n m"]) -> FullPosterior:
    """A Gaussian with a full covariance, from what a network puts out.

    Args:
        mean: [n, d].
        entries: [n, d (d + 1) / 2], unbounded: for each dimension the logarithm of the covariance factor's diagonal,
            doubled as a log variance is, then what lies below the diagonal, row by row.

    Returns:
        The posterior; with zeros below the diagonal, the one whose log variances the first d entries are.

    Raises:
        ValueError: another number of entries.
    """
    d = mean.shape[-1]
    if entries.shape[-1] != full_size(d):
        raise ValueError(f"the factor of {d} dimensions has {full_size(d)} entries, got {entries.shape[-1]}.")
    rows, columns = np.tril_indices(d, -1)
    factor = jnp.zeros((len(mean), d, d), mean.dtype)
    factor = factor.at[:, np.arange(d), np.arange(d)].set(jnp.exp(entries[:, :d] / 2))
    factor = factor.at[:, rows, columns].set(entries[:, d:])
    return FullPosterior(mean, jnp.sqrt(jnp.sum(jnp.square(factor), axis=-1)), factor=factor)


def full_size(d: int) -> int:
    """How many entries the Cholesky factor of a covariance has.

    Args:
        d: dimensions.

    Returns:
        d (d + 1) / 2.
    """
    return d * (d + 1) // 2


def _noise(key: Key[Array, ""], index: Int[Array, " n"], size: int) -> Float[Array, "n {size}"]:
    return jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (size,)))(index)
