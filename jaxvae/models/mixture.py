"""Mixture of Gaussians over latents [n, d], fitted to an encoder's codes to serve as a prior."""

import logging
import math
import warnings
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float, Key
from typing_extensions import override

from jaxvae.types import Prior

COVARIANCES = ("full", "diag")
"""Kinds of covariance matrices that `fit_mixture` fits, by name."""

_FULL_FROM = 10
"""Smallest number of codes, as a multiple of components times d, for which full covariances are the default."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Mixture(Prior):
    """Weighted Gaussians, each with a mean and a covariance.

    Attributes:
        weights: [k], probabilities of the components.
        means: [k, d].
        factors: [k, d, d], Cholesky factors of the covariances, lower triangular with a positive diagonal.
    """

    weights: Float[Array, " k"]
    means: Float[Array, "k d"]
    factors: Float[Array, "k d d"]

    @override
    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        which, among = jax.random.split(key)
        component = jax.random.categorical(which, jnp.log(self.weights), shape=(n,))
        noise = jax.random.normal(among, (n, self.means.shape[1]))

        # One component at a time, since gathering a factor for each code would make n matrices.
        def add(z: Array, part: tuple[Array, Array, Array]) -> tuple[Array, None]:
            number, mean, factor = part
            drawn_here = (component == number)[:, None]
            offset = jnp.matmul(noise, factor.T, precision=jax.lax.Precision.HIGHEST)
            return jnp.where(drawn_here, mean[None] + offset, z), None

        parts = jnp.arange(len(self.weights), dtype=component.dtype), self.means, self.factors
        return jax.lax.scan(add, noise, parts)[0]

    @override
    def log_prob(self, z: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Log density.

        Raises:
            ValueError: codes of another size.
        """
        dim = self.means.shape[1]
        if z.shape[1] != dim:
            raise ValueError(f"this prior has {dim} dimensions, got codes of {z.shape[1]}.")

        def joint(part: tuple[Array, Array, Array]) -> Array:
            weight, mean, factor = part
            error = solve_triangular(factor, (z - mean[None]).T, lower=True)
            volume = jnp.sum(jnp.log(jnp.diagonal(factor)))
            return jnp.log(weight) - jnp.sum(error**2, 0) / 2 - volume - dim / 2 * math.log(2 * math.pi)

        return logsumexp(jax.lax.map(joint, (self.weights, self.means, self.factors)), axis=0)


def fit_mixture(
    codes: Float[Array | np.ndarray, "n d"],
    *,
    components: int = 10,
    covariance: str | None = None,
    seed: int = 0,
) -> Mixture:
    """Fits a mixture of Gaussians to codes by expectation maximisation, and logs its kind.

    Args:
        codes: draws from q(z | x) of the training images; their means alone scatter less than the codes that the
            decoder was trained on.
        components: number of Gaussians, at most n.
        covariance: "full", or "diag" without correlations, where d x d matrices would be too expensive or overfit;
            if not given, "full" for n >= 10 * components * d, else "diag".
        seed: of the initialization.

    Returns:
        The mixture, in float32.

    Raises:
        ValueError: components fewer than 1 or more than codes, another covariance, or codes that are not finite.

    References:
        Ghosh, Sajjadi, Vergari, Black & Schölkopf, From Variational to Deterministic Autoencoders, ICLR 2020,
        section 4 (ex-post density estimation, with ten components).
    """
    # Imported here because importing scikit-learn takes a second and nothing else needs it.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    values = np.asarray(codes, np.float64)
    if not 1 <= components <= len(values):
        raise ValueError(
            f"a mixture has between 1 component and one for each of {len(values)} codes, got {components}."
        )
    if covariance is None:
        covariance = "full" if len(values) >= _FULL_FROM * components * values.shape[1] else "diag"
    if covariance not in COVARIANCES:
        raise ValueError(f"covariance must be one of {', '.join(COVARIANCES)}, got {covariance!r}.")
    if not np.isfinite(values).all():
        raise ValueError("a mixture is fitted to finite codes, got NaN or infinity; has the model diverged?")
    described = components, covariance, *values.shape
    _log.info("mixture of %d Gaussians, covariance %s, fitted to %d codes of %d numbers", *described)
    fitted = GaussianMixture(components, covariance_type=covariance, random_state=seed)
    with warnings.catch_warnings():
        # The small gains in likelihood that are left do not change the look of samples.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(values)
    covariances = fitted.covariances_
    if covariance == "diag":
        covariances = covariances[:, :, None] * np.eye(values.shape[1])
    parts = fitted.weights_, fitted.means_, np.linalg.cholesky(covariances)
    return Mixture(*(jnp.asarray(part, jnp.float32) for part in parts))
