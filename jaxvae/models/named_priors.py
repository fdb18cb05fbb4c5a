"""Priors by name, and draws that are the same on one device as on several."""

from collections.abc import Callable, Mapping

import jax
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.priors import LabelledPrior, Normal, Samplable
from jaxvae.models.ring import Ring
from jaxvae.models.swiss_roll import SwissRoll

PRIORS: Mapping[str, Callable[[int, int], Samplable]] = {
    "normal": lambda dim, classes: Normal(dim=dim),
    "ring": lambda dim, classes: Ring(classes=classes),
    "swiss_roll": lambda dim, classes: SwissRoll(classes=classes),
}
"""By name, each a function of the numbers of dimensions and of classes; the ring and the roll have two dimensions.

An `AAE` only samples its prior; a VAE also needs the density of a `Prior`, which all of these have.
"""


def prior(name: str, *, dim: int = 2, classes: int = 10) -> Samplable:
    """Makes a prior.

    Args:
        name: one of `PRIORS`.
        dim: number of dimensions.
        classes: number of parts, for priors that have parts.

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
        key: source of randomness.
        prior: of the codes.
        index: position of each example in the global batch. Example i's draw depends only on the key and on index[i],
            so that it is the same however the batch is spread over devices.
        label: [n], part of the prior for each example, -1 for the whole prior; None draws all from the whole prior.

    Returns:
        [n, d].

    Raises:
        ValueError: labels for a prior without parts.
    """
    if label is None:
        return jax.vmap(lambda i: prior.sample(jax.random.fold_in(key, i), 1)[0])(index)
    if not isinstance(prior, LabelledPrior):
        raise ValueError(f"{type(prior).__name__} has no parts for the classes; leave the labels out.")
    sample_class = prior.sample_class
    return jax.vmap(lambda i, y: sample_class(jax.random.fold_in(key, i), y[None])[0])(index, label)
