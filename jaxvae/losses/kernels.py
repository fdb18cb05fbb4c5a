"""Kernels for the maximum mean discrepancy.

A `Kernel` is any positive definite symmetric function of two points [d]. Those built here depend only on the squared
distance. `gram` makes use of that: it expands the square into one matrix product instead of visiting every pair. All
are scaled to k(x, x) = 1, including those that average several bandwidths.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxvae.losses._shapes import check_same_shape
from jaxvae.types import Kernel


@dataclass(frozen=True)
class RadialKernel:
    """A kernel k(x, y) = profile(|x - y|^2, d).

    Attributes:
        profile: `(squared, d) -> values`, from squared distances of any shape and the number of dimensions to kernel
            values of that shape.
    """

    profile: Callable[[Float[Array, "..."], int], Float[Array, "..."]]

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        """Kernel value of two points.

        Args:
            x: [d].
            y: [d].

        Returns:
            Scalar.

        Raises:
            ValueError: the points differ in dimension.
        """
        check_same_shape("a kernel", x=x, y=y)
        return self.profile(jnp.sum((x - y) ** 2), len(x))


def gram(kernel: Kernel, x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Kernel values of all pairs, computed the fastest way that the kernel allows.

    Args:
        kernel: function of two points [d].
        x: [n, d].
        y: [m, d].

    Returns:
        [n, m], k(x_i, y_j).

    Raises:
        ValueError: the points of x and y differ in dimension.
    """
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"Both sets need points of one dimension, got {x.shape[1]} and {y.shape[1]}.")
    if isinstance(kernel, RadialKernel):
        return kernel.profile(_squared_distances(x, y), x.shape[1])
    return jax.vmap(jax.vmap(kernel, (None, 0)), (0, None))(x, y)


def _squared_distances(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    # |x|^2 + |y|^2 - 2 x.y cancels badly far from the origin; shifting all points leaves distances unchanged.
    centre = jax.lax.stop_gradient(jnp.mean(y, 0, keepdims=True))
    x, y = x - centre, y - centre
    product = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    expanded = jnp.sum(x**2, 1, keepdims=True) + jnp.sum(y**2, 1, keepdims=True).T - 2 * product
    # Rounding may leave a small negative number: the value is clamped, but not the derivative, 2 (x - y).
    return expanded + jax.lax.stop_gradient(jnp.maximum(expanded, 0) - expanded)


def rbf(*bandwidths: float | Float[Array, ""]) -> Kernel:
    """Gaussian kernel, mean over bandwidths s of exp(-|x - y|^2 / (2 s^2)).

    Args:
        *bandwidths: one or several standard deviations s > 0, in the units of the points. A bandwidth may be an
            array, such as the result of `median_bandwidth` or a number that differs between replicas.

    Returns:
        Kernel with values in (0, 1].

    Raises:
        ValueError: there is no bandwidth, or one is not positive.
    """
    _check_positive("bandwidths", bandwidths)
    return RadialKernel(lambda squared, d: _mean([jnp.exp(-squared / (2 * s**2)) for s in bandwidths]))


def dimension_rbf(*, power: int = 2) -> Kernel:
    """Gaussian kernel whose width grows with the number of dimensions, exp(-|x - y|^2 / d^power).

    Args:
        power: 2 is the kernel in the code of the authors of VLAE and InfoVAE, where the mean over dimensions is
            divided by d once more. With 1, typical kernel values of N(0, I) draws are about the same for every d,
            since |x - y|^2 grows as d.

    Returns:
        Kernel with values in (0, 1].

    Raises:
        ValueError: power is neither 1 nor 2.

    References:
        Zhao, Song and Ermon, Learning Hierarchical Features from Generative Models, ICML 2017, the authors'
        code.
    """
    if power not in (1, 2):
        raise ValueError(f"power must be 1 (divide by d) or 2 (divide by d squared), got {power}.")
    return RadialKernel(lambda squared, d: jnp.exp(-squared / d**power))


def inverse_multiquadratic(*scales: float | Float[Array, ""]) -> Kernel:
    """Heavy-tailed kernel, mean over scales s of C / (C + |x - y|^2) with C = 2 d s.

    C is the expected squared distance of two draws from N(0, s I), so s is a multiple of the prior's variance.

    Args:
        *scales: one or several s > 0; the paper's code sums over 0.1, 0.2, 0.5, 1, 2, 5, 10.

    Returns:
        Kernel with values in (0, 1].

    Raises:
        ValueError: there is no scale, or one is not positive.

    References:
        Tolstikhin, Bousquet, Gelly and Schoelkopf, Wasserstein Auto-Encoders, ICLR 2018, section 4.
    """
    _check_positive("scales", scales)
    return RadialKernel(lambda squared, d: _mean([2 * d * s / (2 * d * s + squared) for s in scales]))


def median_bandwidth(points: Float[Array, "n d"]) -> Float[Array, ""]:
    """Median heuristic: the median distance of all pairs, a bandwidth for `rbf`.

    It has no gradient. For an MMD to a prior, compute it once from draws of that prior, so that the kernel does not
    change while the encoder learns. Sorts n (n - 1) / 2 numbers, so pass at most about a thousand points.

    Args:
        points: [n, d], n >= 2, pooled from both sets.

    Returns:
        Scalar in the units of the points; the machine epsilon of the data type if most points coincide.

    Raises:
        ValueError: there are fewer than two points.

    References:
        Gretton et al., A kernel two-sample test, JMLR 2012, section 8.
    """
    if len(points) < 2:
        raise ValueError(f"median_bandwidth needs >= 2 points, got {len(points)}.")
    squared = _squared_distances(points, points)[jnp.triu_indices(len(points), 1)]
    return jax.lax.stop_gradient(jnp.maximum(jnp.sqrt(jnp.median(squared)), jnp.finfo(points.dtype).eps))


def _check_positive(name: str, values: tuple[float | Float[Array, ""], ...]) -> None:
    if not values or any(isinstance(v, float | int) and not v > 0 for v in values):
        raise ValueError(f"{name} must be one or several positive numbers, got {values}.")


def _mean(values: list[Float[Array, "..."]]) -> Float[Array, "..."]:
    return jnp.mean(jnp.stack(values), 0)
