"""Kernels for the maximum mean discrepancy.

A `Kernel` is any positive definite symmetric function of two points [d]. Those built here depend only on the squared
distance. `gram` makes use of that: it adds up whole matrices, one for each dimension, instead of visiting every pair.
All are scaled to k(x, x) = 1, including those that average several bandwidths.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxvae.losses._floats import in_float32
from jaxvae.losses._shapes import check_same_shape
from jaxvae.types import Kernel

_UNROLLED = 16
"""Dimensions whose differences are taken in one pass."""


@dataclass(frozen=True)
class RadialKernel:
    """A kernel k(x, y) = profile(|x - y|^2, d).

    Attributes:
        profile: `(squared, d) -> values`, from squared distances of any shape and the number of dimensions to kernel
            values of that shape.
    """

    profile: Callable[[Float[Array, "..."], int], Float[Array, "..."]]

    @in_float32
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


@in_float32
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


@jax.custom_jvp
def _squared_distances(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    # Dimension by dimension, since |x|^2 + |y|^2 - 2 x.y loses the digits of points that are near each other and far
    # from 0. XLA:CPU does not vectorize a sum over the dimensions of [n, m, d], which is also large.
    total = jnp.zeros((len(x), len(y)), x.dtype)
    whole = x.shape[1] // _UNROLLED * _UNROLLED
    if whole:
        parts = tuple(z.T[:whole].reshape(-1, _UNROLLED, len(z)) for z in (x, y))
        total, _ = lax.scan(lambda total, part: (_add_squares(total, *part), None), total, parts)
    return lax.optimization_barrier(_add_squares(total, x.T[whole:], y.T[whole:]))


def _add_squares(
    total: Float[Array, "n m"], x: Float[Array, "k n"], y: Float[Array, "k m"]
) -> Float[Array, "n m"]:
    for a, b in zip(x, y, strict=True):
        total = total + (a[:, None] - b[None]) ** 2
    return total


@_squared_distances.defjvp
def _change_of_squared_distances(
    points: tuple[Float[Array, "n d"], Float[Array, "m d"]],
    changes: tuple[Float[Array, "n d"], Float[Array, "m d"]],
) -> tuple[Float[Array, "n m"], Float[Array, "n m"]]:
    # 2 (x - y).(dx - dy), expanded, so that the gradient's sums over points are products. Shifting all points changes
    # no difference, and leaves more digits.
    (x, y), (dx, dy) = points, changes
    centre = lax.stop_gradient(_middle(y))
    a, b = x - centre, y - centre
    dot = partial(jnp.matmul, precision=lax.Precision.HIGHEST)
    own = jnp.sum(a * dx, 1, keepdims=True) + jnp.sum(b * dy, 1, keepdims=True).T
    return _squared_distances(x, y), 2 * (own - dot(a, dy.T) - dot(dx, b.T))


def _middle(points: Float[Array, "n d"]) -> Float[Array, "1 d"]:
    """Medians of medians of 27 points, which no distant point moves; unlike a median it needs no sorting."""
    chosen = points[np.linspace(0, len(points) - 1, 27).astype(np.int32)].reshape(3, 3, 3, -1)
    for _ in range(3):
        a, b, c = chosen
        chosen = jnp.maximum(jnp.minimum(a, b), jnp.minimum(jnp.maximum(a, b), c))
    return chosen[None]


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


@in_float32
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
    # Large points are scaled by a power of two, so that their squares do not overflow.
    exponent = jnp.maximum(jnp.frexp(jnp.median(jnp.abs(points)))[1], 0)
    scaled = jnp.ldexp(points, -exponent)
    squared = _squared_distances(scaled, scaled)[jnp.triu_indices(len(points), 1)]
    distance = jnp.ldexp(jnp.sqrt(jnp.median(squared)), exponent)
    return lax.stop_gradient(jnp.maximum(distance, jnp.finfo(points.dtype).eps))


def _check_positive(name: str, values: tuple[float | Float[Array, ""], ...]) -> None:
    if not values or any(isinstance(v, float | int) and not v > 0 for v in values):
        raise ValueError(f"{name} must be one or several positive numbers, got {values}.")


def _mean(values: list[Float[Array, "..."]]) -> Float[Array, "..."]:
    return jnp.mean(jnp.stack(values), 0)
