"""A batch in parts, one after the other, whose gradients are averaged: a large batch in the memory of a small one."""

import math
from collections.abc import Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

from jaxvae.train.gradients import Gradients, Losses, StepInput, gradients
from jaxvae.train.state import Player
from jaxvae.types import Batch


def accumulated(losses: Losses, players: Mapping[str, Player], inputs: StepInput, *, parts: int) -> Gradients:
    """As `gradients`, from micro-batches, each of which holds every `parts`-th example.

    A part counts as much as it has examples that are not masked. Every example has the noise that it has in the whole
    batch, since that follows from its index. For losses that are means over examples, the gradients are those of the
    whole batch; what looks at a batch as a set, such as BatchNorm and MMD, sees one part at a time.

    Args:
        losses: of all players.
        players: by name.
        inputs: of the whole batch, or of a device's share of it.
        parts: how many, a divisor of the number of examples.

    Returns:
        As `gradients`: the means over parts, and the model state after the last of them.
    """
    leaves, tree = jax.tree.flatten(inputs.batch)
    rows = [leaf.reshape(-1, parts * math.prod(leaf.shape[1:])) for leaf in leaves]

    def add(carry: PyTree, given: tuple[Array, Array]) -> tuple[PyTree, PyTree]:
        sums, model_state = carry
        number, share = given
        part = [_part(row, number, parts, leaf.shape[1:]) for row, leaf in zip(rows, leaves, strict=True)]
        own = replace(inputs, batch=jax.tree.unflatten(tree, part), model_state=model_state)
        gradient, model_state, metrics = gradients(losses, players, own)
        found = {name: gradient(name) for name in players}
        sums = jax.tree.map(lambda total, each: total + share * each, sums, found)
        return (sums, model_state), jax.tree.map(lambda value: share * value, metrics)

    zeros = {
        name: jax.tree.map(jnp.zeros_like, {subtree: inputs.params[subtree] for subtree in player.moves})
        for name, player in players.items()
    }
    given = jnp.arange(parts), _shares(inputs.batch, parts)
    (sums, model_state), metrics = lax.scan(add, (zeros, inputs.model_state), given)
    return sums.__getitem__, model_state, jax.tree.map(lambda values: jnp.sum(values, 0), metrics)


def _part(rows: Array, number: Array, parts: int, shape: tuple[int, ...]) -> Array:
    """Every `parts`-th example, so that each device has as many of each part where a batch is spread.

    A row has one example of each part. Images cut from a tensor of five axes would be padded to many times their size
    on a TPU.
    """
    size = rows.shape[1] // parts
    return lax.dynamic_slice_in_dim(rows, number * size, size, axis=1).reshape(-1, *shape)


def _shares(batch: Batch, parts: int) -> Float[Array, " parts"]:
    counts = jnp.sum(batch.mask.reshape(-1, parts), axis=0)
    if batch.axis_name is not None:
        counts = lax.pmean(counts, batch.axis_name)
    total = jnp.sum(counts)
    return counts / jnp.where(total > 0, total, 1)
