"""Priors by name, and draws from them that do not depend on how a batch is spread over devices."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import jax
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.priors import Normal
from jaxvae.models.ring import Ring
from jaxvae.models.swiss_roll import SwissRoll
from jaxvae.types import Prior


@runtime_checkable
class Samplable(Protocol):
    """What a discriminator can bring codes to: all that it needs of a prior are draws."""

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        """Draws points.

        Args:
            key: source of randomness.
            n: how many points.

        Returns:
            [n, d].
        """
        ...


@runtime_checkable
class LabelledPrior(Prior, Protocol):
    """A prior with parts that stand for classes."""

    @property
    def classes(self) -> int:
        """Number of parts."""
        ...

    def sample_class(self, key: Key[Array, ""], label: Int[Array, " n"]) -> Float[Array, "n d"]:
        """Draws a point from each label's part.

        Args:
            key: source of randomness.
            label: [n], numbers of parts; -1 for the whole.

        Returns:
            [n, d].
        """
        ...

    def class_of(self, z: Float[Array, "n d"]) -> Int[Array, " n"]:
        """The part that each point belongs to.

        Args:
            z: [n, d].

        Returns:
            [n], numbers of parts.
        """
        ...


PRIORS: Mapping[str, Callable[[int, int], Samplable]] = {
    "normal": lambda dim, classes: Normal(dim=dim),
    "ring": lambda dim, classes: Ring(classes=classes),
    "swiss_roll": lambda dim, classes: SwissRoll(classes=classes),
}
"""By name, each a function of the numbers of dimensions and of classes; the ring and the roll have two dimensions.

An `AAE` needs no more than `sample` of them; a VAE also the density of a `Prior`, which all of these have.
"""


def prior(name: str, *, dim: int = 2, classes: int = 10) -> Samplable:
    """Finds a prior.

    Args:
        name: one of `PRIORS`.
        dim: number of dimensions.
        classes: number of parts, for priors that have such.

    Returns:
        The prior.

    Raises:
        ValueError: unknown name, or a number of dimensions that the prior does not have.
    """
    if name not in PRIORS:
        raise ValueError(f"prior must be one of {', '.join(PRIORS)}, got {name!r}.")
    if name != "normal" and dim != 2:
        raise ValueError(f"the prior {name} lies in the plane and needs latents of size 2, got {dim}.")
    return PRIORS[name](dim, classes)


def draw_each(
    key: Key[Array, ""], prior: Samplable, index: Int[Array, " n"], label: Int[Array, " n"] | None = None
) -> Float[Array, "n d"]:
    """One draw for each example of a batch.

    Args:
        key: for the draws.
        prior: where from.
        index: position of each example in the global batch. Example i's draw depends on the key and on index[i]
            alone, so that it is the same however the batch is spread over devices.
        label: [n], part of the prior for each example, -1 for the whole; None draws all from the whole.

    Returns:
        [n, d].

    Raises:
        ValueError: labels for a prior without parts.
    """
    if label is None:
        return jax.vmap(lambda i: prior.sample(jax.random.fold_in(key, i), 1)[0])(index)
    if not isinstance(prior, LabelledPrior):
        raise ValueError(f"{type(prior).__name__} has no parts that labels could tell; leave the labels out.")
    parts: LabelledPrior = prior
    return jax.vmap(lambda i, y: parts.sample_class(jax.random.fold_in(key, i), y[None])[0])(index, label)
