"""Kullback-Leibler divergence from posterior to prior, in closed form and by Monte Carlo.

Posteriors are Gaussians [n, d], diagonal or with a full covariance. Divergences are nats per example, summed over
latent dimensions unless the name says per dimension; never divided by the batch, the dimensions or the pixels.
"""

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float, Key

from jaxvae.losses._floats import in_float32
from jaxvae.losses._levels import priors_by_level
from jaxvae.losses._shapes import check_same_shape
from jaxvae.types import Batch, FullPosterior, Output, Posterior, Prior, Term

METHODS = ("auto", "closed_form", "monte_carlo")
"""Methods by which `kl` computes the divergence."""


@runtime_checkable
class NormalPrior(Protocol):
    """A prior that declares itself N(loc, scale) in every dimension, which gives its KL a closed form.

    It has to declare this, since attributes such as `loc` are not enough: a Laplace prior has those too.
    """

    @property
    def normal_parameters(self) -> tuple[float, float]:
        """(loc, scale), mean and standard deviation of every dimension."""
        ...


@in_float32
def kl_normal_per_dimension(
    posterior: Posterior,
    *,
    loc: float | Float[Array, "#d"] = 0.0,
    scale: float | Float[Array, "#d"] = 1.0,
) -> Float[Array, "n d"]:
    """KL(q(z | x) || N(loc, scale)) of each latent dimension by itself, which shows the dimensions in use.

    Args:
        posterior: mean and stddev [n, d].
        loc: mean of the prior, a number or [d].
        scale: standard deviation of the prior, a number or [d], positive.

    Returns:
        [n, d], nats, at least 0.

    Raises:
        ValueError: mean and stddev differ in shape, or loc or scale has another number of dimensions.

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, ICLR 2014, appendix B, with the prior shifted
        and scaled.
    """
    check_same_shape("a KL divergence", mean=posterior.mean, stddev=posterior.stddev)
    loc, scale = (jnp.asarray(a, posterior.mean.dtype).reshape(1, -1) for a in (loc, scale))
    if not {loc.size, scale.size} <= {1, posterior.mean.shape[1]}:
        raise ValueError(
            f"a KL divergence needs loc and scale to be numbers or of the posterior's {posterior.mean.shape[1]} "
            f"dimensions, got {loc.size} and {scale.size}."
        )
    ratio = posterior.stddev / scale
    shift = (posterior.mean - loc) / scale
    return 0.5 * (ratio**2 + shift**2 - 1) - jnp.log(ratio)


def kl_normal(
    posterior: Posterior,
    *,
    loc: float | Float[Array, "#d"] = 0.0,
    scale: float | Float[Array, "#d"] = 1.0,
) -> Float[Array, " n"]:
    """KL(q(z | x) || N(loc, scale)) in closed form.

    With a full covariance L L^T it is the sum over dimensions and their total correlation, the sum of
    log(stddev / diagonal of L): 1/2 (tr(L L^T) + |mean|^2 - d) - log det L for the standard normal.

    Args:
        posterior: mean and stddev [n, d].
        loc: mean of the prior, a number or [d].
        scale: standard deviation of the prior, a number or [d], positive.

    Returns:
        [n], nats summed over d, at least 0.

    Raises:
        ValueError: as `kl_normal_per_dimension`.

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, ICLR 2014, appendix B, with the prior shifted
        and scaled. Equation 2 of the report "Generative Neural Networks" has log(sigma) in place of log(sigma^2)
        and lacks the factor 1/2; this is the correct formula.
    """
    return jnp.sum(kl_normal_per_dimension(posterior, loc=loc, scale=scale), 1) + _total_correlation(
        posterior
    )


@in_float32
def _total_correlation(posterior: Posterior) -> Float[Array, " n"]:
    if not isinstance(posterior, FullPosterior):
        return jnp.zeros(len(posterior.mean))
    return jnp.sum(jnp.log(posterior.stddev) - jnp.log(_diagonal(posterior)), 1)


def _diagonal(posterior: FullPosterior) -> Float[Array, "n d"]:
    return jnp.diagonal(posterior.factor, axis1=1, axis2=2)


@in_float32
def posterior_log_prob(posterior: Posterior, latent: Float[Array, "n d"]) -> Float[Array, " n"]:
    """Log density log q(z | x) of a draw under its posterior.

    Args:
        posterior: mean and stddev [n, d].
        latent: [n, d], one point per posterior.

    Returns:
        [n], nats summed over d.

    Raises:
        ValueError: latent, mean and stddev differ in shape.
    """
    check_same_shape("posterior_log_prob", mean=posterior.mean, stddev=posterior.stddev, latent=latent)
    if isinstance(posterior, FullPosterior):
        shift = (latent - posterior.mean)[..., None]
        error = solve_triangular(posterior.factor, shift, lower=True)[..., 0]
        scale = _diagonal(posterior)
    else:
        error, scale = (latent - posterior.mean) / posterior.stddev, posterior.stddev
    return -jnp.sum(0.5 * error**2 + jnp.log(scale) + 0.5 * math.log(2 * math.pi), 1)


@in_float32
def kl_monte_carlo(posterior: Posterior, latent: Float[Array, "n d"], prior: Prior) -> Float[Array, " n"]:
    """Unbiased estimate log q(z | x) - log p(z) of the KL, from one draw per example.

    With reparameterized draws its gradient is unbiased as well.

    Args:
        posterior: mean and stddev [n, d].
        latent: [n, d], draws from the posterior.
        prior: any prior with a density.

    Returns:
        [n], nats; a single estimate may be negative.

    Raises:
        ValueError: latent, mean and stddev differ in shape.

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, ICLR 2014, equation 6.
    """
    return posterior_log_prob(posterior, latent) - prior.log_prob(latent)


def kl(prior: Prior | Sequence[Prior], *, level: int | None = None, method: str = "auto") -> Term:
    """Term: KL from the posterior to the prior, summed over latent dimensions and levels.

    Args:
        prior: one prior for all levels, or one per level.
        level: the only level to count, 1 at the bottom; None sums over all.
        method: "closed_form" needs priors that are a `NormalPrior`; "monte_carlo" uses the model's draw of the
            latents; "auto" takes the closed form wherever there is one.

    Returns:
        Term with [n] nats.

    Raises:
        ValueError: the method is unknown, a prior has no closed form and the method is "closed_form", or (when the
            term is evaluated) levels or priors don't match the model.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}.")
    for p in prior if isinstance(prior, Sequence) else (prior,):
        if method == "closed_form" and not isinstance(p, NormalPrior):
            raise ValueError(
                f"No closed-form KL to a {type(p).__name__}, which has no normal_parameters; "
                "use method='monte_carlo'."
            )

    def divergence(output: Output, index: int, p: Prior) -> Float[Array, " n"]:
        if method != "monte_carlo" and isinstance(p, NormalPrior):
            loc, scale = p.normal_parameters
            return kl_normal(output.posteriors[index], loc=loc, scale=scale)
        return kl_monte_carlo(output.posteriors[index], output.latents[index], p)

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, " n"]:
        pairs = priors_by_level(prior, level=level, levels=len(output.posteriors))
        return jnp.sum(jnp.stack([divergence(output, index, p) for index, p in pairs]), 0)

    return term
