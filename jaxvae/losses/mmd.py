"""Squared maximum mean discrepancy (MMD) between two sets of points.

Sets are [n, d]. Values are in units of the kernel: with a kernel scaled to k(x, x) = 1 the biased estimate
lies in [0, 2]. Nothing is multiplied by the number of examples.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from jaxvae.losses._devices import gathered
from jaxvae.losses._floats import in_float32
from jaxvae.losses._levels import priors_by_level
from jaxvae.losses._shapes import check_same_length
from jaxvae.losses.kernels import gram
from jaxvae.types import Batch, Kernel, Output, Prior, Term


@in_float32
def mmd2(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    kernel: Kernel,
    mask: Float[Array, " n"] | None = None,
    block_size: int | None = None,
) -> Float[Array, ""]:
    """Unbiased squared MMD, E k(x, x') + E k(y, y') - 2 E k(x, y) over pairs of different draws.

    Args:
        x: n >= 2 draws from P.
        y: m >= 2 draws from Q.
        kernel: symmetric function of two points [d].
        mask: [n], weights of the draws in x, 1 to count and 0 for padding; None counts all. If fewer than two
            count, pairs within x are left out.
        block_size: rows of the n x m Gram matrix held in memory at a time; None holds all. The value is the same.

    Returns:
        Scalar in kernel units; may be negative.

    Raises:
        ValueError: a set has fewer than two points, the points of x and y differ in dimension, or the mask has another
            length than x.

    References:
        Gretton et al., A kernel two-sample test, JMLR 2012, Lemma 6.
    """
    if min(len(x), len(y)) < 2:
        raise ValueError(f"mmd2 needs >= 2 points per set, got {len(x)} and {len(y)}.")
    return _mmd2(x, y, kernel=kernel, mask=mask, block_size=block_size, unbiased=True)


@in_float32
def mmd2_biased(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    kernel: Kernel,
    mask: Float[Array, " n"] | None = None,
    block_size: int | None = None,
) -> Float[Array, ""]:
    """Biased squared MMD: the same over all pairs, including each draw with itself.

    The squared distance between the mean embeddings of the two sets. It is never negative, and on average too large by
    E[k(x, x) - k(x, x')] / n + E[k(y, y) - k(y, y')] / m.

    Args:
        x: n >= 1 draws from P.
        y: m >= 1 draws from Q.
        kernel: symmetric function of two points [d].
        mask: [n], weights of the draws in x, 1 to count and 0 for padding; None counts all.
        block_size: rows of the n x m Gram matrix held in memory at a time; None holds all. The value is the same.

    Returns:
        Scalar in kernel units, at least 0 up to rounding.

    Raises:
        ValueError: a set is empty, the points of x and y differ in dimension, or the mask has another length than x.

    References:
        Gretton et al., A kernel two-sample test, JMLR 2012, equation 5.
    """
    if min(len(x), len(y)) < 1:
        raise ValueError(f"mmd2_biased needs >= 1 point per set, got {len(x)} and {len(y)}.")
    return _mmd2(x, y, kernel=kernel, mask=mask, block_size=block_size, unbiased=False)


def _mmd2(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    kernel: Kernel,
    mask: Float[Array, " n"] | None,
    block_size: int | None,
    unbiased: bool,
) -> Float[Array, ""]:
    if mask is not None:
        check_same_length("a masked MMD", x=x, mask=mask)
    u = jnp.ones_like(x[:, 0]) if mask is None else mask
    v = jnp.ones_like(y[:, 0])
    mean = partial(_mean_over_pairs, kernel=kernel, block_size=block_size)
    within_x = mean(x, x, u, u, distinct=unbiased)
    within_y = mean(y, y, v, v, distinct=unbiased)
    return within_x + within_y - 2 * mean(x, y, u, v, distinct=False)


def _mean_over_pairs(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    x_weights: Float[Array, " n"],
    y_weights: Float[Array, " m"],
    *,
    kernel: Kernel,
    block_size: int | None,
    distinct: bool,
) -> Float[Array, ""]:
    # Sums as products: XLA:CPU's sums are not vectorized, and what is fused with them is not either.
    dot = partial(jnp.matmul, precision=lax.Precision.HIGHEST)

    def row(point: Float[Array, " d"]) -> Float[Array, ""]:
        return dot(gram(kernel, point[None], y)[0], y_weights)

    rows = (
        dot(gram(kernel, x, y), y_weights) if block_size is None else lax.map(row, x, batch_size=block_size)
    )
    total, weight = dot(x_weights, rows), jnp.sum(x_weights) * jnp.sum(y_weights)
    if distinct:
        same = x_weights * y_weights
        total, weight = total - dot(same, jax.vmap(kernel)(x, y)), weight - jnp.sum(same)
    return total / jnp.where(weight > 0, weight, 1)


def mmd(
    prior: Prior | Sequence[Prior],
    kernel: Kernel,
    *,
    level: int | None = None,
    estimator: str = "unbiased",
) -> Term:
    """Term: squared MMD between the batch's latents and as many draws from the prior, summed over levels.

    Args:
        prior: one prior for all levels, or one per level.
        kernel: symmetric function of two points [d].
        level: the only level to count, 1 at the bottom; None sums over all.
        estimator: "unbiased" or "biased".

    Returns:
        Term with a scalar in kernel units. Padded examples don't count. If a batch is spread over devices, the latents
        are gathered, so that each device computes the value of the global batch.

    Raises:
        ValueError: the estimator is unknown, or (when the term is evaluated) levels or priors don't match the model.

    References:
        Zhao, Song and Ermon, InfoVAE: Balancing Learning and Inference in Variational Autoencoders, AAAI
        2019, section 3.2.
    """
    if estimator not in _ESTIMATORS:
        raise ValueError(f"estimator must be one of {', '.join(_ESTIMATORS)}, got {estimator!r}.")
    estimate = _ESTIMATORS[estimator]

    def term(key: Key[Array, ""], output: Output, batch: Batch) -> Float[Array, ""]:
        mask = gathered(batch.mask, batch.axis_name)
        divergence = partial(estimate, kernel=kernel, mask=mask)
        of_kind: dict[tuple[int, int], list[tuple[int, Prior]]] = {}
        for index, p in priors_by_level(prior, level=level, levels=len(output.latents)):
            of_kind.setdefault((output.latents[index].shape[1], id(p)), []).append((index, p))
        total = jnp.zeros(())
        for (
            levels
        ) in of_kind.values():  # of one prior, together: one operation in place of one for each level
            indices, (p, *_) = zip(*levels, strict=True)
            latents = gathered(jnp.stack([output.latents[index] for index in indices], 1), batch.axis_name)
            keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.array(indices))
            draws = jax.vmap(lambda key, p=p: p.sample(key, len(mask)), out_axes=1)(keys)
            total += jnp.sum(jax.vmap(divergence, in_axes=1)(latents, draws))
        return total

    return term


_ESTIMATORS = {"unbiased": mmd2, "biased": mmd2_biased}
