"""The latent codes of a data set: distance to the prior, information and active units.

Codes are [n, d] per level, bottom level first; the prior is N(0, I).
"""

import functools
from collections.abc import Iterable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jaxvae.evaluate.classes import class_accuracy
from jaxvae.evaluate.mean import Evaluator, Forward, independent_key
from jaxvae.losses import kl_normal_per_dimension, mmd2
from jaxvae.losses._floats import in_float32
from jaxvae.types import Batch, Kernel, Posterior, Variables

_FLOOR_REPEATS = 8
_BLOCK_SIZE = 128
"""Rows of a Gram matrix held in memory at a time, few enough for a CPU's cache."""

_Codes: TypeAlias = tuple[Float[Array, "_ _"], Float[Array, "_ _"], Float[Array, "_ _"]]
"""Posterior mean, posterior standard deviation and draw of one level, [n, d] each."""


def kl_per_unit(posterior: Posterior) -> Float[Array, " d"]:
    """KL divergence of each latent unit from N(0, 1), averaged over examples.

    Args:
        posterior: q(z | x) of n examples.

    Returns:
        [d] nats; their sum is the mean KL of the level. A unit near 0 has collapsed to the prior.
    """
    return jnp.mean(kl_normal_per_dimension(posterior), axis=0)


@in_float32
def mean_variance(posterior: Posterior) -> Float[Array, " d"]:
    """Variance over examples of each unit's posterior mean, Var_x(E_q[z]).

    Args:
        posterior: q(z | x) of n examples.

    Returns:
        [d] in squared latent units (divided by n): about 1 for an informative unit, 0 for an unused one.

    References:
        Burda et al., Importance weighted autoencoders, ICLR 2016, section 5.2.
    """
    return jnp.var(posterior.mean, axis=0)


def active_units(posterior: Posterior, *, threshold: float = 0.01) -> Int[Array, ""]:
    """Number of units whose posterior mean varies over examples.

    Args:
        posterior: q(z | x) of n examples.
        threshold: a unit is active if its `mean_variance` is larger; the default is that of the paper.

    Returns:
        Scalar, 0 to d.

    References:
        Burda et al., Importance weighted autoencoders, ICLR 2016, section 5.2.
    """
    return jnp.sum(mean_variance(posterior) > threshold)


def mmd_floor(
    key: Key[Array, ""], *, n: int, d: int, kernel: Kernel, repeats: int
) -> Float[Array, " repeats"]:
    """Squared MMD between pairs of independent draws from N(0, I): the value of a perfect encoder.

    Args:
        key: determines the draws.
        n: points per draw, at least 2.
        d: latent size.
        kernel: symmetric function of two points of shape [d].
        repeats: number of pairs.

    Returns:
        [repeats] in kernel units; the estimator is unbiased, so they scatter around 0.
    """

    def pair(key: Key[Array, ""]) -> Float[Array, ""]:
        x, y = jax.random.normal(key, (2, n, d))
        return mmd2(x, y, kernel=kernel, block_size=_BLOCK_SIZE)

    return jax.lax.map(pair, jax.random.split(key, repeats))


def latent_evaluator(forward: Forward, *, kernel: Kernel, classes: int = 0) -> Evaluator:
    """Builds an evaluator of the latent codes of the whole data set, which is encoded once.

    Args:
        forward: `(key, variables, batch) -> Output`; its decoder is not executed.
        kernel: symmetric function of two latent points, for every level.
        classes: number of classes of the labels; 0 omits `class_zl`.

    Returns:
        An evaluator. For each level l from 1 it returns `mmd_zl` (unbiased squared MMD between one draw of q(z | x)
        per example and as many draws from N(0, I), kernel units), `kl_zl` (mean KL from N(0, I), nats),
        `active_units_zl` (see `active_units`) and `class_zl` (see `class_accuracy`, of the means). It also returns
        `mmd_floor` and `mmd_floor_std`, mean and standard deviation of eight repetitions of `mmd_floor` with as many
        points, with `_zl` appended if levels differ in size. The floor does not depend on the model, so it is drawn
        once, from a fixed key. The evaluator raises ValueError for fewer than two unmasked examples.
    """

    @jax.jit
    def encode(key: Key[Array, ""], number: Any, variables: Variables, batch: Batch) -> list[_Codes]:
        output = forward(jax.random.fold_in(key, number), variables, batch)
        levels = zip(output.posteriors, output.latents, strict=True)
        return [(posterior.mean, posterior.stddev, z) for posterior, z in levels]

    @jax.jit
    def measure(key: Key[Array, ""], levels: list[_Codes], labels: Int[Array, " n"]) -> dict[str, Array]:
        metrics = {}
        for level, (mean, stddev, z) in enumerate(levels, start=1):
            prior = jax.random.normal(jax.random.fold_in(key, level), z.shape)
            metrics[f"mmd_z{level}"] = mmd2(z, prior, kernel=kernel, block_size=_BLOCK_SIZE)
            metrics[f"kl_z{level}"] = kl_per_unit(Posterior(mean, stddev)).sum()
            metrics[f"active_units_z{level}"] = active_units(Posterior(mean, stddev))
            if classes:
                metrics[f"class_z{level}"] = class_accuracy(mean, labels, classes=classes)
        return metrics

    @functools.cache
    def floor(n: int, d: int) -> np.ndarray:
        draw = functools.partial(mmd_floor, n=n, d=d, kernel=kernel, repeats=_FLOOR_REPEATS)
        return np.asarray(jax.jit(draw)(jax.random.key(0)), np.float64)

    def evaluate(key: Key[Array, ""], variables: Variables, batches: Iterable[Batch]) -> dict[str, float]:
        parts = [((encode(key, np.uint32(i), variables, b), b.label), b.mask) for i, b in enumerate(batches)]
        levels, labels = _gather(parts)
        metrics = jax.device_get(measure(independent_key(key), levels, labels))
        for suffix, (n, d) in _by_size([z.shape for _, _, z in levels]).items():
            metrics[f"mmd_floor{suffix}"] = floor(n, d).mean()
            metrics[f"mmd_floor_std{suffix}"] = floor(n, d).std(ddof=1)
        return {name: float(value) for name, value in metrics.items()}

    return evaluate


def _by_size(shapes: list[tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Shapes by the suffix of the floor's name: empty if all levels have the same shape, else that of the level."""
    if len(set(shapes)) == 1:
        return {"": shapes[0]}
    return {f"_z{level}": shape for level, shape in enumerate(shapes, start=1)}


def _gather(parts: list[tuple[tuple[list[_Codes], Array], Array]]) -> tuple[list[_Codes], Array]:
    """Concatenates the batches on the host, without the padding."""
    host = jax.device_get(parts)
    count = sum(int((mask > 0).sum()) for _, mask in host)
    if count < 2:
        raise ValueError(f"latent evaluation needs at least 2 unmasked examples, got {count}.")
    unmasked = [jax.tree.map(lambda array, mask=mask: array[mask > 0], part) for part, mask in host]
    return jax.tree.map(lambda *arrays: jnp.asarray(np.concatenate(arrays)), *unmasked)
