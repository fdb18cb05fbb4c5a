"""One train step's input, for both sides to solve."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from benchmarks.networks import make_images, make_model
from benchmarks.workloads import Workload
from jaxvae import models
from jaxvae.keys import INTERPOLATION
from jaxvae.types import Batch, Posterior


@dataclass(frozen=True, kw_only=True)
class Drawn(models.Normal):
    """N(0, I) with draws that were made beforehand.

    Attributes:
        points: the draws, [n, d].
    """

    points: np.ndarray

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        """The first n draws."""
        return jnp.asarray(self.points[:n])


@dataclass(frozen=True)
class Problem:
    """One train step's input.

    Attributes:
        key: of the step on the JAX side.
        params: by top-level subtree.
        model_state: the other Flax collections.
        batch: the examples.
        noise: of each level's draw, [n, d].
        draws: from each level's prior, [n, d]; with a gradient penalty then the images' shares of the points where
            it is taken, [n, 1].
    """

    key: Key[Array, ""]
    params: Mapping[str, Any]
    model_state: Mapping[str, Any]
    batch: Batch
    noise: list[np.ndarray]
    draws: list[np.ndarray]


def pose(workload: Workload, batch_size: int, seed: int = 0) -> Problem:
    """Draws parameters, a batch and all noise.

    Args:
        workload: what is trained.
        batch_size: examples.
        seed: of all draws.

    Returns:
        The same problem for both sides.
    """
    variables = models.init(jax.random.key(seed), make_model(workload, "float32"))
    rng = np.random.default_rng(seed)
    # Away from the initial zeros and ones, so that biases and scales mixed up would show.
    params = jax.tree.map(
        lambda p: p + 0.05 * rng.normal(size=p.shape).astype(np.float32), dict(variables["params"])
    )
    images = make_images(workload, examples=batch_size)[:batch_size]
    index = jnp.arange(batch_size, dtype=jnp.int32)
    batch = Batch(jnp.asarray(images, jnp.float32) / 255, index * 0, jnp.ones(batch_size), index)
    key = jax.random.key(1)
    model_key, _ = jax.random.split(key)
    noise = []
    for level, size in enumerate(workload.latent_sizes):
        standard = Posterior(jnp.zeros((batch_size, size)), jnp.ones((batch_size, size)))
        level_key = jax.random.fold_in(model_key, level)
        noise.append(np.array(models.reparameterize(level_key, standard, index)))
    draws = [rng.normal(size=e.shape).astype(np.float32) for e in noise]
    if workload.game is not None:
        (size,), draw_key = workload.latent_sizes, jax.random.fold_in(model_key, 1)
        draws = [np.array(models.draw_each(draw_key, models.Normal(dim=size), index))]
        if workload.game.penalty:
            each = jax.vmap(partial(jax.random.fold_in, jax.random.fold_in(key, INTERPOLATION)))(index)
            draws.append(np.array(jax.vmap(jax.random.uniform)(each))[:, None])
    rest = {name: tree for name, tree in variables.items() if name != "params"}
    return Problem(key, params, rest, batch, noise, draws)
