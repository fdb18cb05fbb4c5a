"""Hilbert-Schmidt independence criterion (HSIC): how much two variables depend on each other.

Paired observations are [n, d] and [n, e]. Values are in units of the product of both kernels: with kernels scaled to
k(x, x) = 1 the estimate lies in [0, 1]. Nothing is multiplied by the number of examples.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.losses._devices import gathered
from jaxvae.losses._floats import in_float32
from jaxvae.losses._levels import check_level
from jaxvae.losses._shapes import check_same_length, check_same_shape
from jaxvae.losses.kernels import gram
from jaxvae.types import Batch, Kernel, Output, Term


@in_float32
def delta(x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
    """Kernel of class numbers: 1 where two points are equal, 0 where they differ; without gradient.

    Args:
        x: [d].
        y: [d].

    Returns:
        Scalar, 0 or 1.

    Raises:
        ValueError: the points differ in dimension.
    """
    check_same_shape("delta", x=x, y=y)
    return jnp.all(x == y).astype(x.dtype)


@in_float32
def hsic(
    x: Float[Array, "n d"],
    y: Float[Array, "_ e"],
    *,
    x_kernel: Kernel,
    y_kernel: Kernel,
    mask: Float[Array, " n"] | None = None,
) -> Float[Array, ""]:
    """Biased HSIC, tr(K H L H) / n^2 with the Gram matrices K of x, L of y and the centring H = I - 1 / n.

    The squared Hilbert-Schmidt norm of the cross-covariance of the two sets' features. Never negative; for
    independent draws its mean is (E[k(x, x) - k(x, x')]) (E[l(y, y) - l(y, y')]) (n - 1) / n^2.

    Args:
        x: n >= 1 observations.
        y: [n, e], the observation paired with each of x.
        x_kernel: symmetric function of two points [d].
        y_kernel: symmetric function of two points [e].
        mask: [n], weights of the pairs, 1 to count and 0 for padding; None counts all.

    Returns:
        Scalar, at least 0 up to rounding; 0 if no pair counts.

    Raises:
        ValueError: there is no pair, or x, y and mask differ in length.

    References:
        Gretton, Fukumizu, Teo, Song, Schölkopf & Smola, A Kernel Statistical Test of Independence, NIPS 2007,
        equation 4. Gretton, Bousquet, Smola & Schölkopf, Measuring Statistical Dependence with Hilbert-Schmidt
        Norms, ALT 2005, equation 9, divides by (n - 1)^2 instead.
    """
    if len(x) < 1 or len(x) != len(y):
        raise ValueError(f"hsic needs >= 1 pair of points, got {len(x)} of x and {len(y)} of y.")
    if mask is not None:
        check_same_length("hsic", x=x, mask=mask)
    weights = jnp.ones_like(x[:, 0]) if mask is None else mask
    total = jnp.sum(weights)
    share = weights / jnp.where(total > 0, total, 1)
    # H is a projection, so centring one matrix is enough.
    centred = _centre(gram(y_kernel, y, y), share)
    rows = jnp.sum(gram(x_kernel, x, x) * centred * share[None, :], axis=1)
    return jnp.sum(rows * share)


def _centre(matrix: Float[Array, "n n"], share: Float[Array, " n"]) -> Float[Array, "n n"]:
    mean = jnp.sum(matrix * share[None, :], axis=1)
    return matrix - mean[:, None] - mean[None, :] + jnp.sum(mean * share)


def independence(kernel: Kernel, *, level: int) -> Term:
    """Term: HSIC between one level's latents and the labels, whose kernel is `delta`; 0 if they are independent.

    With two classes it is 2 p^2 (1 - p)^2 times the biased squared MMD between the classes' latents, where p is the
    share of one class: at most 1 / 8 of that MMD.

    Args:
        kernel: symmetric function of two points [d], for the latents.
        level: which level, 1 at the bottom.

    Returns:
        Term with a scalar in kernel units. Padded and unlabelled examples don't count. If a batch is spread over
        devices, latents and labels are gathered, so that each device computes the value of the global batch.

    Raises:
        ValueError: (when the term is evaluated) the model has no such level.

    References:
        Lopez, Regier, Jordan & Yosef, Information Constraints on Auto-Encoding Variational Bayes, NeurIPS
        2018, which penalizes the HSIC between latents and nuisance variables.
    """

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, ""]:
        check_level(level, len(output.latents))
        local = (output.latents[level - 1], batch.label, batch.mask)
        latents, label, mask = (gathered(values, batch.axis_name) for values in local)
        mask = jnp.where(label >= 0, mask, 0)
        classes = label[:, None].astype(latents.dtype)
        return hsic(latents, classes, x_kernel=kernel, y_kernel=delta, mask=mask)

    return term
