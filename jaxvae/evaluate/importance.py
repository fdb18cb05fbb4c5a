"""Importance-weighted lower bounds on the log likelihood of images under a trained model.

Latents are tuples of [n, d], one for each level; bounds are nats per image.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from jaxvae.evaluate.mean import Evaluator, mean_evaluator
from jaxvae.losses import bernoulli_nll, posterior_log_prob
from jaxvae.losses._floats import in_float32
from jaxvae.types import Batch, Posterior, Prior, Variables

Codes: TypeAlias = tuple[Float[Array, "n _"], ...]
"""Latents of n images, one array for each level."""


@in_float32
def importance_bound(
    key: Key[Array, ""],
    log_likelihood: Callable[[Codes], Float[Array, " n"]],
    posteriors: tuple[Posterior, ...],
    priors: Sequence[Prior],
    *,
    samples: int = 500,
    chunk: int = 1,
) -> Float[Array, " n"]:
    """Log of the mean of p(x | z) p(z) / q(z | x) over draws of z from q.

    In expectation it grows with the number of draws, from the evidence lower bound at one draw towards log p(x).

    Args:
        key: for the draws, which do not depend on `chunk`.
        log_likelihood: maps latents [n, d] of each level, one z per image, to log p(x | z), [n] nats.
        posteriors: q(z | x) of each level.
        priors: p(z) of each level.
        samples: draws per image, at least 1.
        chunk: draws that are decoded at a time, at least 1. Memory grows with it, up to `samples`; for batches of a
            few hundred images more than 1 is no faster.

    Returns:
        [n] nats.

    Raises:
        ValueError: samples or chunk below 1, or the number of priors is not the number of levels.

    References:
        Burda, Grosse & Salakhutdinov, Importance Weighted Autoencoders, ICLR 2016, equation 8.
    """
    if samples < 1 or chunk < 1:
        raise ValueError(f"samples and chunk must be at least 1, got {samples} and {chunk}.")
    if len(priors) != len(posteriors):
        raise ValueError(f"there must be one prior for each of {len(posteriors)} levels, got {len(priors)}.")

    def log_weight(number: Array) -> Array:
        draw_key = jax.random.fold_in(key, number)
        codes, ratio = [], jnp.zeros(len(posteriors[0].mean))
        for level, (q, prior) in enumerate(zip(posteriors, priors, strict=True)):
            noise = jax.random.normal(jax.random.fold_in(draw_key, level), q.mean.shape)
            codes.append(q.draw(noise))
            ratio += prior.log_prob(codes[-1]) - posterior_log_prob(q, codes[-1])
        return log_likelihood(tuple(codes)) + ratio

    weights = lax.map(log_weight, jnp.arange(samples), batch_size=min(chunk, samples))
    return jax.nn.logsumexp(weights, axis=0) - jnp.log(samples)


def importance_evaluator(
    encode: Callable[[Variables, Float[Array, "n h w c"]], tuple[Posterior, ...]],
    decode: Callable[[Variables, Codes], Float[Array, "n h w c"]],
    priors: Sequence[Prior],
    *,
    samples: int = 500,
    chunk: int = 1,
    nll: Callable[[Float[Array, "n h w c"], Float[Array, "n h w c"]], Float[Array, " n"]] = bernoulli_nll,
) -> Evaluator:
    """Builds an evaluator of the importance-weighted bound.

    Args:
        encode: `(variables, images) -> posteriors`.
        decode: `(variables, latents) -> logits`.
        priors: of each level, as in training.
        samples: draws per image.
        chunk: draws that are decoded at a time, for all images of a batch.
        nll: `(logits, images) -> [n]` nats, the negative log likelihood.

    Returns:
        An evaluator that returns `iwae`: the mean of `importance_bound` over the images, in nats.
    """

    def statistics(key: Key[Array, ""], variables: Variables, batch: Batch) -> dict[str, Float[Array, " n"]]:
        def log_likelihood(codes: Codes) -> Float[Array, " n"]:
            return -nll(decode(variables, codes), batch.image)

        posteriors = encode(variables, batch.image)
        bound = importance_bound(key, log_likelihood, posteriors, priors, samples=samples, chunk=chunk)
        return {"iwae": bound}

    return mean_evaluator(statistics)
