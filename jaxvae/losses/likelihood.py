"""Reconstruction losses: negative log likelihoods of an image.

Images are [n, height, width, channels], targets in [0, 1]. Every function sums over pixels and channels and returns
nats per example; `compose` takes the mean over the batch.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_float_images
from jaxvae.types import Batch, Output, Term

LIKELIHOODS = ("bernoulli", "gaussian", "laplace")
"""Likelihoods that `reconstruction` accepts."""


@in_float32
def bernoulli_nll(logits: Float[Array, "n h w c"], target: Float[Array, "n h w c"]) -> Float[Array, " n"]:
    """Negative log likelihood of a Bernoulli distribution per pixel, from logits.

    Value and gradient are finite for any logits. A target strictly between 0 and 1 gives the cross-entropy, whose
    minimum is the target's entropy rather than 0.

    Args:
        logits: [n, h, w, c], unbounded; sigmoid(logits) is the probability of 1.
        target: [n, h, w, c], values in [0, 1].

    Returns:
        [n], nats, at least 0.

    Raises:
        ValueError: logits and target are not floating-point images, or differ in shape.

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, ICLR 2014, appendix C.1.
    """
    check_float_images("bernoulli_nll", logits=logits, target=target)
    above = jnp.maximum(logits, 0) - target * logits  # exact where a pixel is nearly certain
    return pixel_sum(above + jnp.log1p(jnp.exp(-jnp.abs(logits))))


@in_float32
def gaussian_nll(
    mean: Float[Array, "n h w c"], target: Float[Array, "n h w c"], *, log_scale: float | Float[Array, ""]
) -> Float[Array, " n"]:
    """Negative log density of a Gaussian with one standard deviation for all pixels.

    Args:
        mean: [n, h, w, c], in the units of the target.
        target: [n, h, w, c], values in [0, 1].
        log_scale: log standard deviation of the observation noise, fixed or learned; -40 to 40 is safe in float32.

    Returns:
        [n], nats; negative where the density exceeds 1.

    Raises:
        ValueError: mean and target are not floating-point images, or differ in shape.

    References:
        Rybkin, Daniilidis and Levine, Simple and Effective VAE Training with Calibrated Decoders, ICML 2021,
        section 3.1.
    """
    check_float_images("gaussian_nll", mean=mean, target=target)
    log_scale = jnp.asarray(log_scale, mean.dtype)
    error = (target - mean) * jnp.exp(-log_scale)
    return pixel_sum(0.5 * error**2 + log_scale + 0.5 * math.log(2 * math.pi))


@in_float32
def laplace_nll(
    mean: Float[Array, "n h w c"], target: Float[Array, "n h w c"], *, log_scale: float | Float[Array, ""]
) -> Float[Array, " n"]:
    """Negative log density of a Laplace distribution with one scale for all pixels.

    At log_scale = -log(w) this is w times the L1 distance, up to a constant.

    Args:
        mean: [n, h, w, c], in the units of the target.
        target: [n, h, w, c], values in [0, 1].
        log_scale: log of the scale b in exp(-|x - mean| / b) / 2b, fixed or learned; -80 to 80 is safe in float32.

    Returns:
        [n], nats; negative where the density exceeds 1.

    Raises:
        ValueError: mean and target are not floating-point images, or differ in shape.
    """
    check_float_images("laplace_nll", mean=mean, target=target)
    log_scale = jnp.asarray(log_scale, mean.dtype)
    error = jnp.abs(target - mean) * jnp.exp(-log_scale)
    return pixel_sum(error + log_scale + math.log(2.0))


def pixel_sum(values: Float[Array, "n h w c"]) -> Float[Array, " n"]:
    """Sums over pixels and channels.

    Args:
        values: [n, h, w, c].

    Returns:
        [n].
    """
    # XLA:CPU sums fast only along a long last axis; that of a grey image has length 1.
    return jnp.sum(jax.lax.optimization_barrier(values.reshape(len(values), -1)), axis=-1)


def reconstruction(likelihood: str, *, log_scale: float | None = None) -> Term:
    """Term: negative log likelihood of the image under the decoder.

    Args:
        likelihood: "bernoulli", with the decoder's logits; "gaussian" or "laplace", around sigmoid(logits).
        log_scale: fixed log scale of the observation noise; None takes the learned one, `Output.log_scale`. Not for
            "bernoulli".

    Returns:
        Term with [n] nats, summed over pixels.

    Raises:
        ValueError: the name is unknown, "bernoulli" has a scale, or (when the term is evaluated) a scale is needed and
            neither the argument nor the model has one.
    """
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, got {likelihood!r}.")
    if likelihood == "bernoulli":
        if log_scale is not None:
            raise ValueError(f"bernoulli has no scale, got log_scale={log_scale}; leave it out.")
        return lambda key, output, batch: bernoulli_nll(output.logits, batch.image)
    nll = gaussian_nll if likelihood == "gaussian" else laplace_nll

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        scale = output.log_scale if log_scale is None else log_scale
        if scale is None:
            raise ValueError(
                f"{likelihood} needs a log_scale, and the model learns none; "
                f"pass reconstruction({likelihood!r}, log_scale=...)."
            )
        return nll(jax.nn.sigmoid(output.logits), batch.image, log_scale=scale)

    return term
