"""What one does with a trained ladder or plain VAE: pure functions of a module and its variables.

Images are NHWC, float32 in [0, 1]. A code is a tuple of latents [n, d], bottom level first. Labels are class
numbers, -1 where there is none, or vectors of attributes for a model that is conditional on those. Everything runs in
evaluation mode. A module is any that has `encode` and `decode`, such as `VLAE`; it is conditional if it says so, as
`ConditionalVAE` does, or has `attributes`, as `VAEGAN` may.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.codes import Latents, draw
from jaxvae.models.named_priors import Samplable, prior
from jaxvae.models.priors import Normal
from jaxvae.types import Batch, Posterior, Prior, Variables

Labels: TypeAlias = Int[Array, " _"] | Float[Array, "_ _"]
"""Class numbers [n], or attributes [n, attributes]."""


def standard_priors(model: Any) -> tuple[Prior, ...]:
    """N(0, I) for every level of a model.

    Args:
        model: a module with `latent_sizes`.

    Returns:
        One prior for each level, bottom first.
    """
    return tuple(Normal(dim=size) for size in model.latent_sizes)


def own_priors(model: Any) -> tuple[Prior, ...]:
    """The priors that a model was trained towards.

    Args:
        model: a module with `latent_sizes`, and `prior`, (mean, standard deviation), or a name in `PRIORS` with
            `classes` beside it, if that is not N(0, I).

    Returns:
        One prior for each level, bottom first: a `Normal` unless the model names another.

    Raises:
        ValueError: a prior that can be sampled but has no density.
    """
    found = []
    for own in sampled_priors(model):
        if not isinstance(own, Prior):
            raise ValueError(
                f"the prior {model.prior} has no log_prob; give it one, or draw from it as `sampled_priors` does."
            )
        found.append(own)
    return tuple(found)


def sampled_priors(model: Any) -> tuple[Samplable, ...]:
    """The priors that a model was trained towards, where draws are all that is asked of them.

    Args:
        model: as `own_priors` takes it.

    Returns:
        One prior for each level, bottom first.
    """
    own = getattr(model, "prior", (0.0, 1.0))
    if isinstance(own, str):
        return tuple(prior(own, dim=size, classes=model.classes) for size in model.latent_sizes)
    loc, scale = own
    return tuple(Normal(dim=size, loc=loc, scale=scale) for size in model.latent_sizes)


def normal_priors(model: Any) -> tuple[Normal, ...]:
    """The priors that a model was trained towards, where all are Gaussian.

    Args:
        model: as `own_priors` takes it.

    Returns:
        One prior for each level, bottom first.

    Raises:
        ValueError: a prior of another kind.
    """
    found = []
    for own in own_priors(model):
        if not isinstance(own, Normal):
            raise ValueError(f"a model with Gaussian priors is needed, got one with a {type(own).__name__}.")
        found.append(own)
    return tuple(found)


def told(model: Any) -> str | None:
    """What a model wants to know of images besides themselves.

    Args:
        model: any module.

    Returns:
        "attributes" if it has some, "label" if it is conditional on classes, else None: the field of a `Batch` that its
        methods take as `label`.
    """
    if getattr(model, "attributes", 0):
        return "attributes"
    return "label" if getattr(model, "conditional", False) else None


def init(key: Key[Array, ""], model: Any) -> Variables:
    """A model's variables before training.

    Args:
        key: source of randomness.
        model: a module with `image_shape`, called as `(key, image, index)`, and with `label` if it is conditional.

    Returns:
        Parameters and statistics, by Flax collection.
    """
    image, index = jnp.zeros((1, *model.image_shape)), jnp.zeros(1, jnp.int32)
    attributes = jnp.zeros((1, getattr(model, "attributes", 0)))
    return model.init(key, key, image, index, **_label(model, index, attributes))


def forward(key: Key[Array, ""], model: Any, variables: Variables, batch: Batch) -> Any:
    """The model on a batch, in evaluation mode.

    Args:
        key: for the draws.
        model: a module called as `(key, image, index)`, and with `label` if it is conditional.
        variables: its variables.
        batch: the examples.

    Returns:
        What the module returns: of an autoencoder, the `Output` with codes drawn from the posteriors.
    """
    told = _label(model, batch.label, batch.attributes)
    return model.apply(variables, key, batch.image, batch.index, **told)


def encode(
    model: Any,
    variables: Variables,
    images: Float[Array, "n h w c"],
    *,
    labels: Labels | None = None,
) -> tuple[Posterior, ...]:
    """q(z | x).

    Args:
        model: a module with `encode`.
        variables: its variables.
        images: [n, h, w, c] in [0, 1].
        labels: of the images, for a conditional model.

    Returns:
        One posterior for each level, bottom first.

    Raises:
        ValueError: images of a shape that the model was not built for, or labels that do not fit.
    """
    return model.apply(variables, images, method="encode", **_condition(model, labels))


def decode(
    model: Any, variables: Variables, latents: Latents, *, labels: Labels | None = None
) -> Float[Array, "n h w c"]:
    """The mean of p(x | z).

    Args:
        model: a module with `decode`.
        variables: its variables.
        latents: [n, d] for each level.
        labels: of the images, for a conditional model.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: latents that do not match the model's levels, or labels that do not fit.
    """
    return nn.sigmoid(model.apply(variables, latents, method="decode", **_condition(model, labels)))


def reconstruct(
    model: Any,
    variables: Variables,
    images: Float[Array, "n h w c"],
    *,
    labels: Labels | None = None,
) -> Float[Array, "n h w c"]:
    """Encodes images and decodes the posterior means.

    Args:
        model: a module with `encode` and `decode`.
        variables: its variables.
        images: [n, h, w, c] in [0, 1].
        labels: of the images, for a conditional model.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: images of a shape that the model was not built for, or labels that do not fit.
    """
    means = tuple(q.mean for q in encode(model, variables, images, labels=labels))
    return decode(model, variables, means, labels=labels)


def sample(
    key: Key[Array, ""],
    model: Any,
    variables: Variables,
    n: int,
    *,
    priors: Sequence[Samplable] | None = None,
    labels: Labels | None = None,
) -> Float[Array, "n h w c"]:
    """New images: the means of p(x | z) for z from the prior.

    Args:
        key: source of randomness.
        model: a module with `decode`.
        variables: its variables.
        n: how many images.
        priors: one for each level; the model's own if not given.
        labels: what the images shall be of, for a conditional model.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: labels that do not fit.
    """
    codes = draw(key, sampled_priors(model) if priors is None else priors, n)
    return decode(model, variables, codes, labels=labels)


def _label(model: Any, labels: Any, attributes: Any) -> dict[str, Any]:
    """Labels or attributes as an argument of a model's methods, if they take it."""
    field = told(model)
    return {} if field is None else {"label": attributes if field == "attributes" else labels}


def _condition(model: Any, labels: Any) -> dict[str, Any]:
    """As `_label`; a conditional model itself refuses to go without, or to have too few or too many."""
    argument = _label(model, labels, labels)
    if labels is not None and not argument:
        raise ValueError("this model is not conditional and takes no labels; leave them out.")
    return argument
