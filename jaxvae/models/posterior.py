"""Draws from approximate posteriors."""

import jax
from jaxtyping import Array, Float, Int, Key

from jaxvae.types import Posterior


def reparameterize(key: Key[Array, ""], posterior: Posterior, index: Int[Array, " n"]) -> Float[Array, "n d"]:
    """Draws z = mean + stddev * noise, differentiable in both.

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
    size = posterior.mean.shape[-1]
    noise = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (size,)))(index)
    return posterior.mean + posterior.stddev * noise
